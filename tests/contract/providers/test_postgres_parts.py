"""The pure parts of the postgres provider: names, DSNs, credentials, dumps."""

import pytest

from libs.providers.postgres.dumping import executable
from libs.providers.postgres.endpoints import Endpoint, Refused, endpoint, parse_dsn
from libs.providers.postgres.names import identifier, literal, names_of
from libs.providers.postgres.options import Reach
from libs.providers.postgres.replication import conninfo


def test_names_never_change_and_fit_a_slot() -> None:
    assert names_of("acme", "mig-7").slot == "whimbrel_mig_7_f24aba7b2d"
    assert names_of("acme", "mig-7") != names_of("acme-mig", "7")
    for migration in ("x" * 500, "Ünïcode Ω", "", "a/b'c\"d"):
        names = names_of("acme", migration)
        for name in names[:6]:
            assert len(name) <= 63
            assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")


def test_quoting_survives_what_people_call_things() -> None:
    assert identifier('a"b') == '"a""b"'
    assert literal("it's \\ here") == "E'it''s \\\\ here'"


def test_a_dsn_is_taken_apart() -> None:
    assert parse_dsn("postgresql://me:p%40ss@db.example.org:6000/shop%20two?sslmode=require") == {
        "host": "db.example.org",
        "port": 6000,
        "database": "shop two",
        "user": "me",
        "password": "p@ss",
        "sslmode": "require",
    }
    assert parse_dsn("postgres:///shop?host=/run/pg&user=me")["host"] == "/run/pg"
    with pytest.raises(ValueError, match="postgresql"):
        parse_dsn("mysql://me@host/db")


def test_an_endpoint_shows_no_password() -> None:
    made = Endpoint(host="::1", database="d/b", user="me", password="hidden")

    assert repr(made) == "Endpoint(postgresql://[::1]:5432/d%2Fb)"
    assert "hidden" not in f"{made} {[made]}"


def test_single_fields_win_over_a_dsn_that_holds_no_secret() -> None:
    made = endpoint("source", {"dsn": "postgresql://me@old:1/d", "host": "new"}, "acme")

    assert (made.host, made.port, made.user, made.password) == ("new", 1, "me", "")


@pytest.mark.parametrize(
    "given", [{"host": "h", "database": "d", "user": "u", "port": "many"}, {"host": 5, "database": "d", "user": "u"}, {"dsn": 5}]
)
def test_fields_of_the_wrong_kind_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        endpoint("target", given, "acme")

    assert refused.value.problems[0].code == "invalid_field"


def test_a_connection_string_survives_any_password_and_prefers_a_passfile() -> None:
    end = Endpoint(host="h", database="d", user="u", password="it's \\ here")

    assert r"password='it\'s \\ here'" in conninfo(end, Reach(), "sub")
    reached = conninfo(end, Reach(host="inside", port=7, passfile="/etc/pass"), "sub")
    assert "host='inside' port='7'" in reached
    assert "passfile='/etc/pass'" in reached
    assert "password=" not in reached
    assert "password=" not in conninfo(end, Reach(host="inside"), "sub")
    assert "password=" not in conninfo(end, Reach(port=7), "sub")


def test_a_dump_loses_only_what_psql_alone_understands() -> None:
    body = "CREATE FUNCTION f() AS $$\n\\restrict inner\n\\unrestrict inner\n$$;\n"
    script = f"--\n\\restrict key\nSET transaction_timeout = 0;\nSET x = 1;\n{body}\n\\unrestrict key\n\n"

    assert executable(script) == f"--\nSET x = 1;\n{body}\n"
