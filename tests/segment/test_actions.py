"""`rhas segment --actions`: the list, the encoder, and a whole run without a trained method."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.config.params import FilmParams
from rhas.methods import build_method
from rhas.segment.actions import ActionList, build_action_model, read_actions, select_encoder
from rhas.segment.models import open_model
from rhas.segment.run import segment_film
from rhas.stores.scores import read_person_scores
from rhas.train import load_method

from .asking import request


def test_a_list_in_one_line() -> None:
    found = read_actions("walking, feeding  the dog,, on the phone ,")
    assert found.names == ("walking", "feeding the dog", "on the phone")
    assert found.phrasings == (("walking",), ("feeding the dog",), ("on the phone",))


def test_a_list_longer_than_a_name_of_a_file_can_be() -> None:
    words = "犬に餌をやる" * 15  # 270 bytes
    assert read_actions(f"{words}, 歩く").names == (words, "歩く")


def test_a_file_has_phrasings_comments_and_other_scripts(tmp_path: Path) -> None:
    path = tmp_path / "actions.txt"
    path.write_text(
        "# mine\n\nwalking\nphone: on the phone | calling|on the phone\n歩く\n", "utf-8"
    )
    found = read_actions(str(path))
    assert found.names == ("walking", "phone", "歩く")
    assert found.phrasings[1] == ("on the phone", "calling")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no action"),
        (" , ,", "no action"),
        ("walking, Walking", "(?s)stands twice.*'walking', 'Walking'.*name it once"),
        ("cafe\u0301, caf\u00e9", "stands twice"),  # one in decomposed form
        ("walking, 12", "(?s)not an action.*'12'"),
        ("walk\x1bing", "a control character"),
        ("phone: calling | ", "(?s)not an action.*''"),
        (", ".join(f"walk {n}" for n in range(1200)), "too many actions"),
        ("walking, " + "very " * 60 + "slowly", "a very long name"),
        ("missing.txt", "missing.txt: no such file"),
    ],
)
def test_wrong_lists_are_refused(text: str, problem: str) -> None:
    with pytest.raises(RhasError, match=problem):
        read_actions(text)


def test_the_line_of_a_wrong_action_is_named(tmp_path: Path) -> None:
    path = tmp_path / "actions.txt"
    path.write_text("walking\n\nwalking\n")
    with pytest.raises(RhasError, match=r"actions.txt, line 3"):
        read_actions(str(path))


def test_an_encoder_that_can_compare_is_chosen(params: FilmParams) -> None:
    assert params.vlm == "blip2"
    chosen = select_encoder(params)  # SigLIP 2 has no built-in checkpoint
    assert (chosen.vlm, chosen.extract.vlm) == ("clip", "clip")
    assert select_encoder(chosen) is chosen
    few = {"blip2": params.extract.checkpoint}
    bare = params.model_copy(
        update={"extract": params.extract.model_copy(update={"checkpoints": few})}
    )
    with pytest.raises(RhasError, match=r"(?s)compared with words.*blip2.*weights pull"):
        select_encoder(bare)


def test_a_phrasing_beyond_the_encoder_is_refused(params: FilmParams) -> None:
    actions = ActionList(("x",), (("zq " * 60,),))
    with (
        pytest.raises(RhasError, match=r"(?s)longer than the encoder reads.*tokens"),
        build_action_model(actions, select_encoder(params)),
    ):
        pass


def test_a_model_and_actions_exclude_each_other(params: FilmParams, model: Path) -> None:
    with (
        pytest.raises(RhasError, match="exclude each other"),
        open_model(model, "walking", params, print),
    ):
        pass


def test_without_a_trained_method_words_are_proposed(
    params: FilmParams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(RhasError, match=r"(?s)no trained method.*--actions"),
        open_model(None, None, params.replace(method="fact"), print),
    ):
        pass


def test_a_film_is_segmented_by_words_alone(
    rendered: tuple[Path, tuple[str, ...]], params: FilmParams, tmp_path: Path
) -> None:
    told: list[str] = []
    with open_model(None, "standing, walking, flying a kite", params, told.append) as opened:
        folder, readout, chosen = opened
        assert type(load_method(folder)) is type(
            build_method("zero_shot", "mini", load_method(folder).dims)
        )
        made = replace(
            request(rendered, folder, params, tmp_path / "out"), params=chosen, readout=readout
        )
        summary = segment_film(made, told.append)
    assert any("not calibrated" in line for line in told)
    record = json.loads((tmp_path / "out/intervals.json").read_text("utf-8"))
    assert record["model"] == "zero_shot"
    assert record["readout"]["fitted"] is False
    names = {"standing", "walking", "flying a kite"}
    with (tmp_path / "out/intervals.csv").open() as file:
        assert {row["action"] for row in csv.DictReader(file)} <= names
    scores = read_person_scores(tmp_path / "out/scores.zarr")[0]
    assert set(scores.classes) == names
    assert scores.scores.shape == (summary["frames"], 3)
    assert any(read.scores.any() for read in read_person_scores(tmp_path / "out/scores.zarr"))
