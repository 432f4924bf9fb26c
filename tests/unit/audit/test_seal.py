"""A seal is believed only as it was signed (X7)."""

from pathlib import Path

import pytest

from libs.audit import seal
from libs.audit.auditing import Auditor, entries_of
from libs.audit.envelopes import Envelopes, shipped
from libs.audit.findings import Findings
from libs.audit.keys import BadKey, SealKey, public_key
from tests.unit.audit.small_log import TOPIC, log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A seal of a small log."""
    findings = Findings()
    auditor = Auditor(Envelopes(shipped()), findings)
    assert seal.write(tmp_path / "a.heads", SealKey(tmp_path / "seal.key"), auditor.checks(entries_of(log())), {}, findings) == 6
    return tmp_path / "a.heads"


def test_it_says_where_every_chain_stands(path: Path) -> None:
    opened = seal.Seal(path)
    sealed = opened.sealed((TOPIC, 0))

    assert opened.places == [(TOPIC, 0), (TOPIC, 1)]
    assert sealed is not None
    assert {key: head.version for key, head in sealed.heads.items()} == {b"acme/mig-0": 5, b"acme/mig-2": 5, b"acme/mig-4": 5}


@pytest.mark.parametrize("line", [0, 1, 3, -1])
def test_a_changed_line_breaks_the_signature(path: Path, line: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b"1", b"2", 1).replace(b"0", b"3", 1)
    path.write_bytes(b"".join(lines))

    with pytest.raises(seal.BadSeal, match="does not hold"):
        seal.Seal(path)


def test_a_dropped_line_breaks_the_signature(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))

    with pytest.raises(seal.BadSeal):
        seal.Seal(path)


def test_a_cut_seal_is_no_seal(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))

    with pytest.raises(seal.BadSeal, match="does not end with a signature"):
        seal.Seal(path)


def test_another_signer_is_refused_when_one_is_trusted(path: Path, tmp_path: Path) -> None:
    seal.Seal(path, public_key(str(tmp_path / "seal.pub")))
    other = SealKey(tmp_path / "other.key")

    with pytest.raises(seal.BadSeal, match="not by the key you trust"):
        seal.Seal(path, other.public)


def test_the_private_key_is_its_owners_only(tmp_path: Path) -> None:
    first = SealKey(tmp_path / "new" / "seal.key")

    assert (tmp_path / "new" / "seal.key").stat().st_mode & 0o077 == 0
    assert SealKey(tmp_path / "new" / "seal.key").public == first.public


def test_a_file_that_is_no_key_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.key").write_text("hello")

    with pytest.raises(BadKey, match="no Ed25519 private key"):
        SealKey(tmp_path / "x.key")
    with pytest.raises(BadKey, match="neither a public key"):
        public_key("nowhere.pub")
