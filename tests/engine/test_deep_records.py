"""Records of the work cache that are lists in lists without end are damaged ones, no crash."""

from __future__ import annotations

from pathlib import Path

from rhas.engine.digests import _parse_record
from rhas.engine.owners import read_owner

DEEP = "[" * 100_000


def test_a_deep_lease_names_another_host(tmp_path: Path) -> None:
    (tmp_path / "lease").write_text(DEEP)
    owner = read_owner(tmp_path / "lease")
    assert owner is not None
    assert owner.host == "another host"


def test_a_deep_record_of_digests_is_none(tmp_path: Path) -> None:
    (tmp_path / "record").write_text(DEEP)
    assert _parse_record(tmp_path / "record") is None
