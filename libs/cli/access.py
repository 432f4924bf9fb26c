"""`whimbrel token` and `credential`: who one is, what workers may read."""

import re
import sys
from typing import Annotated

import typer

from deploy.embedded.host import write_atomically
from deploy.embedded.settings import credential_dir
from libs.cli.connection import DEFAULT_DIR, DataDir, local_token
from libs.cli.errors import CliError, Exit
from libs.cli.output import AsJson, one_line_errors, print_json, say

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def register(app: typer.Typer, panel: str) -> None:
    """Add these groups to the `whimbrel` command."""
    token = typer.Typer(help="Tokens of the local development issuer.", no_args_is_help=True)
    token.command("issue")(issue)
    credential = typer.Typer(help="Secrets that requests may refer to, kept in files of a local stack.", no_args_is_help=True)
    credential.command("set")(credential_set)
    for name, group in (("token", token), ("credential", credential)):
        app.add_typer(group, name=name, rich_help_panel=panel)


def issue(
    role: Annotated[
        list[str],
        typer.Option("--role", help="admin, operator, owner, approver, viewer, producer, reporter, or one that gates ask for; repeatable"),
    ] = ["viewer"],  # noqa: B006
    tenant: Annotated[str, typer.Option("--tenant", envvar="WHIMBREL_TENANT", help="Tenant that it is good for.")] = "default",
    subject: Annotated[str, typer.Option("--subject", help="Opaque id of who will use it; never a name or an address.")] = "",
    ttl: Annotated[int, typer.Option("--ttl", min=1, max=30 * 86_400, metavar="SECONDS", help="How long it is good for.")] = 3_600,
    mfa: Annotated[
        bool, typer.Option("--mfa", help="Say that it was obtained with a second factor, as approvals in prod need it.")
    ] = False,
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Make a token for the stack in this data directory. Whoever can read that directory can be anybody: not for production."""
    with one_line_errors(as_json):
        from libs.edge.auth import ROLES  # aiohttp takes 0.3 s to import

        if not ROLES & set(role):
            raise CliError(f"{', '.join(role)} opens nothing", Exit.USAGE, f"name one of {', '.join(sorted(ROLES))}, too")
        made = local_token(data_dir, tenant, subject, tuple(role), ttl, mfa=mfa)
        if as_json:
            print_json({"token": made, "tenant": tenant, "roles": role, "expires_in": ttl})
        else:
            print(made)


def credential_set(
    name: Annotated[str, typer.Argument(help="Name of the secret, e.g. shop-source.")],
    tenant: Annotated[str, typer.Option("--tenant", envvar="WHIMBREL_TENANT", help="Tenant whose requests may refer to it.")] = "default",
    data_dir: DataDir = DEFAULT_DIR,
    as_json: AsJson = False,
) -> None:
    """Read a secret, e.g. a whole postgresql:// address, from stdin into a file that only the workers' user can read.

    Example: echo "$SHOP_DSN" | whimbrel credential set shop-source
    """
    with one_line_errors(as_json):
        if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name.startswith("."):
            raise CliError(f"{name} is no name for a credential", Exit.USAGE, "use letters, digits, - _ and .")
        if not _TENANT.fullmatch(tenant):
            raise CliError(f"{tenant} is no tenant", Exit.USAGE, "use letters, digits and -")
        if sys.stdin.isatty():
            say("secret (ends with Ctrl-D):")
        secret = sys.stdin.read().strip()
        if not secret:
            raise CliError("stdin holds no secret", Exit.USAGE, f"pipe it: ... | whimbrel credential set {name}")
        folder = credential_dir(data_dir) / tenant
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / name
        path.touch(mode=0o600)
        write_atomically(path, secret + "\n")
        path.chmod(0o600)
        reference = f"file:{path}"
        if as_json:
            print_json({"reference": reference})
        else:
            print(reference)
