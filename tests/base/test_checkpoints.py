from __future__ import annotations

from pathlib import Path

import pytest

from rhas.base.checkpoints import (
    check_weights_fit,
    checkpoint_folder,
    hash_checkpoint,
    is_built_in,
    refuse_weights,
)
from rhas.base.errors import RhasError


def test_the_hash_is_of_names_and_content_of_what_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = hash_checkpoint(tmp_path)
    (tmp_path / "README.md").write_text("other words")
    assert hash_checkpoint(tmp_path) == before
    (tmp_path / "model.safetensors").write_bytes(b"2")
    changed = hash_checkpoint(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "other.safetensors")
    assert len({before, changed, hash_checkpoint(tmp_path)}) == 3
    assert hash_checkpoint(tmp_path, ("*.md",)) != hash_checkpoint(tmp_path, ("*.txt",))


def test_a_folder_or_a_snapshot_that_is_here(tmp_path: Path) -> None:
    assert checkpoint_folder(str(tmp_path)) == tmp_path
    for name in ("nobody/has-this-model", "no/such/folder"):
        with pytest.raises(RhasError, match=rf"(?s){name}: checkpoint not found.*hf download"):
            checkpoint_folder(name)


def test_weights_that_fit_and_those_that_do_not() -> None:
    refuse_weights("c", [], [], {})
    with pytest.raises(RhasError) as error:
        refuse_weights("c", [f"m{n}" for n in range(9)], ["u"], {"w": ((2, 3), (2, 4))})
    told = str(error.value)
    assert "missing: m0, m1, m2, m3, m4 and 4 more; unexpected: u; " in told
    assert "of another shape: w (2, 3) for (2, 4)" in told


def test_shapes_of_a_checkpoint_are_compared_with_its_model() -> None:
    expected = {"a": (2,), "b": (3, 4)}
    check_weights_fit("c", expected, {"a": [2], "b": (3, 4)})
    with pytest.raises(RhasError) as error:
        check_weights_fit("c", expected, {"b": (4, 3), "d": (1,)}, "train again")
    assert error.value.got == ("missing: a; unexpected: d; of another shape: b (4, 3) for (3, 4)")
    assert error.value.do == "train again"


def test_a_built_in_checkpoint_is_known_by_its_size_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_built_in("weights/blip2")  # not here: by its name
    assert not is_built_in("org/model")
    for name in ("x" * 5000, "a\0b", ""):
        assert not is_built_in(name)
    for name, size in (("copy", 3_000_000), ("weights/blip2", 600_000_000)):
        weights = tmp_path / name / "model.safetensors"
        weights.parent.mkdir(parents=True)
        with weights.open("wb") as file:
            file.truncate(size)
    assert is_built_in("copy")
    assert is_built_in(str(tmp_path / "copy"))
    assert not is_built_in("./weights/blip2")  # full-size ones in its place
