"""A few seconds of each target, always the same inputs (`python tests/fuzz` tries other ones)."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from fuzz.edits import edit_file
from fuzz.target import Target
from fuzz.targets import NAMES, load_kind
from hypothesis import HealthCheck, given, settings


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_file_gives_a_result_or_a_message(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    target = Target(load_kind(name), folder)

    @settings(derandomize=True, database=None, deadline=None, max_examples=target.kind.examples,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(target.make_inputs())
    def check(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's of values beyond reason
            target.check(data)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_changed_is_read(name: str, tmp_path: Path) -> None:
    """Otherwise an input fails before it comes to what it is to test."""
    folder = tmp_path / "files"
    folder.mkdir()
    target = Target(load_kind(name), folder)
    for path, sound in target.files.items():
        assert edit_file(path, sound, b"")
        target.kind.read(folder, path, 0)
