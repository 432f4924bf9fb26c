"""Where the API is and as whom to speak to it: options, then environment, then the stack that runs in the data directory."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.embedded.state import StackState, read_state
from libs.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from libs.cli.client import Api

DataDir = Annotated[Path, typer.Option("--data-dir", envvar="WHIMBREL_DATA_DIR", help="Data directory of a local stack.")]
Url = Annotated[str, typer.Option("--url", envvar="WHIMBREL_URL", help="Address of the API; that of the local stack when left out.")]
Token = Annotated[
    str,
    typer.Option("--token", envvar="WHIMBREL_TOKEN", help="Bearer token; one is made for the local stack when left out.", show_envvar=True),
]
Tenant = Annotated[
    str, typer.Option("--tenant", envvar="WHIMBREL_TENANT", help="Tenant of a token made here; another token names its own.")
]
DEFAULT_DIR = Path(".whimbrel")
TOKEN_S = 12 * 3_600
ROLES = ("admin", "operator")


def connect(url: str, token: str, data_dir: Path, tenant: str = "default") -> "Api":
    """The API to speak to. Raises CliError when there is none to be found."""
    if not url:
        url = local_url(data_dir)
        token = token or local_token(data_dir, tenant)
    if not token:
        raise CliError("no token for " + url, Exit.USAGE, "give one with --token or WHIMBREL_TOKEN")
    if not url.startswith(("http://", "https://")):
        raise CliError(f"{url} is no address", Exit.USAGE, "write http://host:port or https://host")
    from libs.cli.client import Api  # its HTTP library takes 0.1 s to import

    return Api(url.rstrip("/"), token)


def running(data_dir: Path) -> StackState:
    """The stack that runs in a data directory. Raises CliError when none does."""
    state = read_state(data_dir)
    if state is None or not state.alive:
        fix = "start one with whimbrel up, or name another with --data-dir or --url"
        raise CliError(f"no stack runs in {data_dir}", Exit.ENVIRONMENT, fix)
    return state


def local_url(data_dir: Path) -> str:
    """Address of the API of the stack in a data directory. Raises CliError."""
    url = running(data_dir).urls.get("http")
    if url is None:
        raise CliError(f"the stack in {data_dir} has servers but no services", Exit.ENVIRONMENT, "run whimbrel down, then whimbrel up")
    return url


def local_token(
    data_dir: Path, tenant: str, subject: str = "", roles: tuple[str, ...] = ROLES, ttl_s: int = TOKEN_S, *, mfa: bool = False
) -> str:
    """A token of the local development issuer. Raises CliError where its key cannot be read."""
    from libs.edge.issuer import LocalIssuer  # joserfc takes 0.1 s to import

    try:
        return LocalIssuer(data_dir).issue(tenant, subject or f"user-{os.getuid()}", roles, ttl_s, **({"amr": ["mfa"]} if mfa else {}))
    except OSError as error:
        raise CliError(
            f"the key of the local issuer cannot be used ({error.strerror})", Exit.ENVIRONMENT, "give a token with --token"
        ) from error
