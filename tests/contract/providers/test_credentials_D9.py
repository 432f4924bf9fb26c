"""A reference leads to what is the tenant's own, and what it leads to goes only where it says itself (D9, SEC)."""

from itertools import permutations
from pathlib import Path

import pytest

from libs.providers.base import MoveRequest
from libs.providers.credentials import BadReference, follow
from libs.providers.postgres.endpoints import Endpoint, Refused, endpoint
from libs.providers.postgres.inspecting import inspect
from libs.providers.postgres.options import Options, Reach
from libs.providers.postgres.prerequisites import reach_problems

_DSN = "postgresql://beta:hunter2@db.beta.example/shop"


@pytest.fixture(autouse=True)
def _secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHIMBREL_CREDENTIAL_ENV", raising=False)
    monkeypatch.delenv("WHIMBREL_DEFAULT_TENANT", raising=False)
    monkeypatch.setenv("WHIMBREL_CREDENTIAL_DIR", str(tmp_path))
    monkeypatch.setenv("BETA_DSN", _DSN)
    monkeypatch.setenv("MOVER_PASSWORD", "hunter2")
    for tenant in ("default", "acme", "beta"):
        (tmp_path / tenant).mkdir()
        (tmp_path / tenant / "shop").write_text(f"postgresql://{tenant}@db/shop\n")


def refused(given: dict[str, object], tenant: str = "default") -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        endpoint("source", given, tenant)
    assert "hunter2" not in str(caught.value)
    return [(problem.code, problem.field) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("member", "value"),
    [("host", "attacker.example"), ("port", 1), ("database", "d"), ("user", "u"), ("sslmode", "disable"), ("sslrootcert", "/tmp/x")],
)
def test_nothing_may_stand_beside_a_dsn_by_reference_D9(member: str, value: object) -> None:
    assert refused({"dsn": "env:BETA_DSN", member: value}) == [("beside_reference", f"/source/{member}")]


def test_everything_that_stands_beside_it_is_named_at_once_O3() -> None:
    given = {"dsn": "env:BETA_DSN", "host": "h", "port": 5, "password": "env:MOVER_PASSWORD"}

    assert sorted(refused(given)) == [
        ("beside_reference", "/source/host"), ("beside_reference", "/source/port"), ("password_without_host", "/source/password")
    ]  # fmt: skip


def test_a_password_alone_is_never_followed_D9(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIMBREL_CREDENTIAL_ENV", "*")
    given = {"host": "attacker.example", "database": "d", "user": "u", "password": "env:MOVER_PASSWORD"}

    assert refused(given) == [("password_without_host", "/source/password")]
    assert refused({**given, "password": "hunter2"}) == [("plaintext_password", "/source/password")]


def test_a_credential_is_followed_to_where_it_says_itself() -> None:
    made = endpoint("source", {"dsn": "env:BETA_DSN"}, "default")

    assert (made.host, made.user, made.password) == ("db.beta.example", "beta", "hunter2")


@pytest.mark.parametrize("name", ["subscription", "reverse_subscription"])
def test_a_server_reached_elsewhere_gets_no_password_D9(name: str) -> None:
    source = target = Endpoint(host="h", database="d", user="u", password="hunter2")

    for reach in (Reach(host="attacker.example"), Reach(port=1)):
        (problem,) = reach_problems(Options(**{name: reach}), source, target)
        assert (problem.code, problem.field) == ("passfile_needed", f"/options/{name}/passfile")
    assert not reach_problems(Options(**{name: Reach(host="inside", passfile="/etc/pass")}), source, target)


def test_a_file_is_the_tenants_own_D9(tmp_path: Path) -> None:
    (tmp_path / "acme" / "way-out").symlink_to(tmp_path / "beta" / "shop")
    (tmp_path / "loose").write_text("x")

    assert follow(f"file:{tmp_path}/acme/shop", "acme") == "postgresql://acme@db/shop"
    for path in ("beta/shop", "loose", "acme/../beta/shop", "acme/way-out", "acme/none", "acme", "../x"):
        with pytest.raises(BadReference):
            follow(f"file:{tmp_path}/{path}", "acme")


@pytest.mark.parametrize("tenant", ["", ".", "..", "acme/../beta", "*"])
def test_what_is_no_tenant_has_no_credentials_D9(tenant: str, tmp_path: Path) -> None:
    with pytest.raises(BadReference):
        follow(f"file:{tmp_path}/beta/shop", tenant)


def test_a_pattern_without_tenant_is_the_default_tenants_D9(monkeypatch: pytest.MonkeyPatch) -> None:
    assert follow("env:BETA_DSN", "default") == _DSN
    with pytest.raises(BadReference, match="allows the tenant acme"):
        follow("env:BETA_DSN", "acme")
    monkeypatch.setenv("WHIMBREL_DEFAULT_TENANT", "acme")
    assert follow("env:BETA_DSN", "acme") == _DSN


def test_a_password_is_not_among_the_default_patterns() -> None:
    for name in ("MOVER_PASSWORD", "AWS_SECRET_ACCESS_KEY", "HOME"):
        with pytest.raises(BadReference):
            follow(f"env:{name}", "default")


@pytest.mark.parametrize("pattern", ["{tenant}_*_DSN", "*_DSN_{tenant}", "X_{tenant}_*", "{tenant}_*"])
def test_no_tenants_variable_is_anothers_whatever_the_names_D9(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIMBREL_CREDENTIAL_ENV", pattern)
    tenants = ["a", "acme", "acme-eu", "acme--eu", "acme-", "eu", "dsn", "x", "acme-dsn", "eu-acme"]
    for mine, theirs in permutations(tenants, 2):
        name = pattern.replace("{tenant}", mine.upper().replace("-", "__")).replace("*", "SHOP_OLD")
        monkeypatch.setenv(name, f"of {mine}")
        assert follow(f"env:{name}", mine) == f"of {mine}"
        with pytest.raises(BadReference):
            follow(f"env:{name}", theirs)


@pytest.mark.parametrize("patterns", ["*_DSN,{tenant}_*_DSN", "{tenant}*_DSN", "X{tenant}_*"])
def test_patterns_that_could_reach_another_tenants_secrets_are_refused_D9(patterns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIMBREL_CREDENTIAL_ENV", patterns)

    with pytest.raises(BadReference, match="into every pattern"):
        follow("env:BETA_DSN", "default")


async def test_inspect_says_so_too_D9() -> None:
    request = MoveRequest(
        tenant="acme", migration="m", provider="postgres", source={"dsn": "env:BETA_DSN", "host": "attacker.example"}, target={"dsn": "env:BETA_DSN"}
    )  # fmt: skip

    found = await inspect(request)

    assert {(problem.code, problem.field) for problem in found.problems} == {
        ("beside_reference", "/source/host"), ("credential_not_found", "/source/dsn"), ("credential_not_found", "/target/dsn")
    }  # fmt: skip
