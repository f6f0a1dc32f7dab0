"""params.yaml as a whole, and its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_core import PydanticUndefined

from rhas.base.errors import RhasError
from rhas.config.extract import ExtractConfig
from rhas.config.page import list_parameters, write_page
from rhas.config.params import (
    SECTIONS,
    SWITCHES,
    FilmParams,
    Params,
    load_params,
    parse_params,
    read_fps,
    read_yaml,
)
from rhas.config.section import Section
from rhas.config.train import TrainConfig
from rhas.methods import METHODS

ROOT = Path(__file__).resolve().parents[2]
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))


def test_all_of_params_yaml() -> None:
    params = load_params(ROOT / "params.yaml")
    assert params.crop.size == VALUES["crop"]["size"]
    assert params.decode.fps == params.chunk.fps == params.fps == 15.0
    assert params.get_section(ExtractConfig).checkpoint == "weights/blip2"
    assert params.built_in_checkpoints == ["weights/grounding", "weights/blip2"]
    assert set(Params.model_fields) == {*SWITCHES, *(kind.section for kind in SECTIONS)}
    assert list(VALUES) == [*SWITCHES, *(kind.section for kind in SECTIONS)]


def test_commands_on_films_need_a_part_of_it() -> None:
    needed = {name: VALUES[name] for name in FilmParams.model_fields}
    assert parse_params(FilmParams, {**needed, "other": 1}).vlm == "blip2"
    with pytest.raises(RhasError, match="unknown parameter 'fpss'") as failure:
        parse_params(Params, {**VALUES, "fpss": 1})
    assert failure.value.do == "did you mean 'fps'?"
    with pytest.raises(RhasError, match="'crop' is missing"):
        parse_params(FilmParams, {name: v for name, v in needed.items() if name != "crop"})


def test_params_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    """DVC writes 0.00001 as 1e-05, which YAML 1.1 takes for a word, and `off` for false."""
    file = tmp_path / "params.yaml"
    file.write_text("rate: 1e-05\nname: off\nsection: {count: 3}\n")
    assert read_yaml(file) == {"rate": 1e-05, "name": "off", "section": {"count": 3}}
    for text in ("a: 1\na: 2\n", "a: [1\n"):
        file.write_text(text)
        with pytest.raises(RhasError, match="cannot be read"):
            read_yaml(file)
    file.write_text("3\n")
    with pytest.raises(RhasError, match="no parameters"):
        read_yaml(file)


@pytest.mark.parametrize("value", [None, "fast", "[15]", "true", ".nan", "0", "1001", "'15'"])
def test_a_rate_that_is_none(tmp_path: Path, value: str | None) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 0\n" if value is None else f"fps: {value}\n")
    with pytest.raises(RhasError, match=r"params\.yaml, fps: no frame rate") as raised:
        read_fps(path)
    assert raised.value.expected == "number, 0.01 to 1000"


def test_a_rate_alone(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("fps: 15\nchunk: 3\n")
    assert read_fps(tmp_path / "params.yaml") == 15


def test_the_checkpoint_of_the_vlm() -> None:
    config = ExtractConfig(vlm="clip", checkpoints={"blip2": "a", "clip": "b", "siglip2": None})
    assert config.checkpoint == "b"
    other = ExtractConfig(vlm="clip", checkpoints={"clip": "b"})
    assert config.key_values() == other.key_values()


@pytest.mark.parametrize("checkpoints", [None, {}, {"blip2": "a"}, {"clip": ""}, {"clip": None}])
def test_a_vlm_without_checkpoint(checkpoints: Any) -> None:
    with pytest.raises(RhasError, match="no checkpoint of this vlm") as failure:
        ExtractConfig(vlm="clip", checkpoints=checkpoints)
    assert "'clip'" in failure.value.expected


def test_overrides_are_those_of_the_method() -> None:
    overrides: Any = {"hopadiff": {"bca": False}, "fact": {"layers": [1, 2]}, "linear": None}
    by_name = {
        name: TrainConfig(method=name, seed=0, overrides=overrides)
        for name in ("hopadiff", "fact", "linear", "asquery")
    }
    assert by_name["hopadiff"].method_overrides == {"bca": False}
    assert by_name["fact"].key_values()["overrides"] == {"layers": [1, 2]}
    assert by_name["linear"].method_overrides == by_name["asquery"].method_overrides == {}
    assert TrainConfig(method="fact", seed=0, overrides=None).overrides == {}  # type: ignore[arg-type]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "PARAMETERS.md").read_text("utf-8")
    assert written == write_page(ROOT), "run `python -m rhas.config.page`"


def test_every_parameter_is_on_the_page() -> None:
    text = write_page(ROOT)

    def names(values: dict, prefix: str = "") -> list[str]:
        return [
            leaf
            for key, value in values.items()
            for leaf in (
                names(value, f"{prefix}{key}.")
                if isinstance(value, dict) and key != "overrides"
                else [f"{prefix}{key}"]
            )
        ]

    listed = names(VALUES)
    assert len(listed) > 60
    assert [name for name in listed if f"| `{name}` |" not in text] == []
    assert all(f"### `{method}`" in text for method in METHODS)


def test_defaults_are_those_of_params_yaml() -> None:
    compared = []
    for kind in SECTIONS:
        for name, field in kind.model_fields.items():
            default = field.get_default(call_default_factory=True)
            if name in VALUES[kind.section] and default is not PydanticUndefined:
                if isinstance(default, Section):
                    default = default.model_dump()
                if name != "overrides":
                    compared.append((kind.section, name, VALUES[kind.section][name], default))
    assert len(compared) > 40
    assert [row for row in compared if row[2] != row[3]] == []


def test_a_parameter_without_a_description() -> None:
    class Silent(Section):
        """Words."""

        one: int

    with pytest.raises(RhasError, match="without a description"):
        list_parameters(Silent)
