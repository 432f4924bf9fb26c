"""The log is audited where it lies and from an export, and a forged export is found (O18, X7)."""

import gzip
from pathlib import Path

from tests.integration.cli.conftest import World, rehearsal


def test_the_log_holds_and_so_does_its_export(world: World, tmp_path: Path) -> None:
    world.run("migrate", "file", "-", given=rehearsal("audited", steps=2))
    export, heads = str(tmp_path / "log.ndjson.gz"), str(tmp_path / "log.heads")

    live = world.run("audit", "verify", "--json")
    sealed = world.run("audit", "seal", heads, "--json")
    exported = world.run("audit", "export", export, "--json")
    offline = world.run("audit", "verify", "--bundle", export, "--heads", heads, "--trust", str(world.data_dir / "seal.pub"), "--json")

    assert (live.code, sealed.code, exported.code, offline.code) == (0, 0, 0, 0), offline.err
    assert live.json["intact"]
    assert live.json["events"] > 0
    assert exported.json["events"] == offline.json["events"] >= live.json["events"]
    assert offline.json["signed_by"] == sealed.json["public_key"]


def test_a_forged_export_is_found_and_the_place_named(world: World, tmp_path: Path) -> None:
    world.run("migrate", "file", "-", given=rehearsal("forged", steps=2))
    export, heads = tmp_path / "log.ndjson.gz", tmp_path / "log.heads"
    world.run("audit", "seal", str(heads))
    world.run("audit", "export", str(export))
    lines = gzip.decompress(export.read_bytes()).splitlines(keepends=True)
    cut = tmp_path / "cut.ndjson"
    cut.write_bytes(b"".join(lines[:-3] + lines[-1:]))
    edited = tmp_path / "edited.ndjson"
    edited.write_bytes(b"".join([*lines[:2], lines[2].replace(b'"value":"', b'"value":"AAAA'), *lines[3:]]))

    for path, word in ((cut, "missing"), (edited, "(line 3)")):
        found = world.run("audit", "verify", "--bundle", str(path), "--heads", str(heads))

        assert found.code == 1
        assert found.out.startswith("broken")
        assert word in found.out


def test_what_cannot_be_audited_is_said_in_one_line(world: World, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("hello\n")

    no_export = world.run("audit", "verify", "--bundle", str(tmp_path / "x"))
    no_seal = world.run("audit", "verify", "--heads", str(tmp_path / "x"))
    no_log = world.run("audit", "verify", WHIMBREL_PREFIX="nobody")

    assert (no_export.code, no_seal.code, no_log.code) == (2, 2, 3)
    assert all(len(one.err.splitlines()) == 1 and "Traceback" not in one.err for one in (no_export, no_seal, no_log))


def test_read_models_are_rebuilt_from_the_log_and_do_not_differ(world: World) -> None:
    world.run("migrate", "file", "-", given=rehearsal("rebuilt", steps=1))

    ended = world.run("rebuild", "--json")

    assert ended.code == 0, ended.err
    assert ended.json["different"] == 0
    assert world.run("show", "rebuilt", "--json").json["status"] == "completed"
