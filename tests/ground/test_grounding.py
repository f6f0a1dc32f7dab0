"""The film function: stores read back, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REFERENCES
from factory import write_frames, write_truth

from rhas.base.checkpoints import hash_checkpoint
from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig
from rhas.ground import Candidates, make_grounder
from rhas.ground.grounding import GroundInput, ground_film
from rhas.stores.boxes import FilmBoxes
from rhas.stores.frames import open_frames

SIZE = (120, 90)


def run(
    out: Path, inputs: dict[str, Path], config: dict[str, Any], references: list[str] = REFERENCES
) -> tuple[dict[str, Any], list[int]]:
    told: list[int] = []
    source = GroundInput("m", tuple(references), **inputs)
    report = asdict(ground_film(source, GroundConfig(**config), out, told.append))
    return {name: value for name, value in report.items() if value is not None}, told


def read(path: Path) -> tuple[dict[str, Any], list[int], list[list[Candidates]]]:
    """Attributes, sampled frames, candidates by frame and person."""
    store = FilmBoxes.read(path)
    assert [person.reference for person in store.persons] == REFERENCES
    rows = [
        [
            Candidates(person.boxes[part], person.scores[part])
            for person in store.persons
            for part in [person.select_rows(n)]
        ]
        for n in range(len(store.frames))
    ]
    return asdict(store.info), store.frames.tolist(), rows


@pytest.fixture
def film(tmp_path: Path, frames: list[np.ndarray]) -> Path:
    """Eleven frames; frame 4 has no picture."""
    pictures: list[np.ndarray | bytes] = [frames[n % 5] for n in range(11)]
    pictures[4] = b""
    return write_frames(tmp_path / "frames.h5", pictures)


def test_what_the_model_finds_is_read_back(tmp_path: Path, tiny: str, film: Path) -> None:
    config = {"checkpoint": "weights/grounding", "stride": 2, "batch_size": 4, "top_k": 3}
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    report, told = run(tmp_path / "boxes.h5", inputs, config)
    attributes, sampled, rows = read(tmp_path / "boxes.h5")
    assert attributes == {
        "movie": "m", "stride": 2, "backend": "transformers", "checkpoint": "weights/grounding",
        "checkpoint_hash": hash_checkpoint(Path(tiny)), "policy": "mean", "prompting": "packed",
        "dtype": "float32", "truth": False,
    }  # fmt: skip
    assert sampled == [0, 2, 4, 6, 8, 10]
    assert told == [4, 2]

    made = make_grounder(GroundConfig(**config), tiny)
    with open_frames(film) as store:
        for frame, row in zip(sampled, rows, strict=True):
            picture = store.images[frame]
            if picture is None:
                assert [len(c.scores) for c in row] == [0, 0, 0]
                continue
            for found, expected in zip(row, made.find_boxes([picture], REFERENCES)[0], strict=True):
                assert len(found.scores) == 3
                np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-2)
                np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
                assert (np.diff(found.scores) <= 0).all()
                assert (found.boxes >= 0).all()
                assert (found.boxes <= [*SIZE, *SIZE]).all()

    assert report["sampled_frames"] == 6
    assert report["frames_without_picture"] == [[4, 4]]
    assert report["prompts"] == [" . ".join(REFERENCES) + " ."]
    assert report["cut_references"] == report["unknown_words"] == report["same_reference_as"] == {}
    assert report["batch_size"] == 4
    assert report["truth"] is False
    assert report["persons"][1] == {
        "person": 1, "reference": REFERENCES[1], "candidates": 15,
        "frames_without_candidate": 1, "without_candidate": [[4, 4]],
        "frames_with_rivals": report["persons"][1]["frames_with_rivals"],
    }  # fmt: skip


def test_equal_inputs_give_equal_bytes(tmp_path: Path, tiny: str, film: Path) -> None:
    for name in ("a.h5", "b.h5"):
        run(tmp_path / name, {"frames": film, "checkpoint": Path(tiny)}, {"stride": 5})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_no_candidate_reaches_the_least_score(tmp_path: Path, tiny: str, film: Path) -> None:
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    report, _ = run(tmp_path / "boxes.h5", inputs, {"stride": 5, "min_score": 1.0})
    assert [len(c.scores) for row in read(tmp_path / "boxes.h5")[2] for c in row] == [0] * 9
    assert report["persons"][0]["without_candidate"] == [[0, 10]]


def test_a_long_reference_is_cut_and_reported(tmp_path: Path, tiny: str, film: Path) -> None:
    long = "a man in a red coat " * 20
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    report, _ = run(tmp_path / "b.h5", inputs, {"stride": 10}, [long, "child"])
    kept = long.split()[:61]  # 64 positions less [CLS] . [SEP]
    assert report["cut_references"] == {"0": " ".join(kept)}
    assert report["prompts"] == [" ".join(kept) + " .", "child ."]
    assert FilmBoxes.read(tmp_path / "b.h5").persons[0].reference == long


def test_references_that_are_no_plain_descriptions(tmp_path: Path, tiny: str, film: Path) -> None:
    """Each is read as rhas.ground.prompts says, and the report tells."""
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    references = [
        "a man . [SEP] woman?",
        "the zebra man 東京",
        "a red coat " * 200,  # 2,000 characters and more
        "A man [sep]  woman",
    ]
    report, _ = run(tmp_path / "b.h5", inputs, {"stride": 10}, references)
    assert report["prompts"][0] == "a man sep woman . the zebra man 東京 ."
    assert report["unknown_words"] == {"0": ["sep"], "1": ["zebra", "東", "京"], "3": ["sep"]}
    assert report["cut_references"] == {"2": " ".join(["a red coat"] * 20 + ["a"])}
    assert report["same_reference_as"] == {"3": 0}
    assert [p["reference"] for p in report["persons"]] == references
    assert report["persons_never_found"] == []
    first, *_, last = FilmBoxes.read(tmp_path / "b.h5").persons
    np.testing.assert_array_equal(first.boxes, last.boxes)
    np.testing.assert_array_equal(first.scores, last.scores)


def test_nobody_is_found(tmp_path: Path, tiny: str, film: Path) -> None:
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    report, _ = run(tmp_path / "b.h5", inputs, {"stride": 5, "min_score": 1.0})
    assert report["persons_never_found"] == [0, 1, 2]
    assert report["persons"][2]["frames_without_candidate"] == report["sampled_frames"] == 3


def test_a_foreign_reference_is_an_error_that_names_the_person(
    tmp_path: Path, tiny: str, film: Path
) -> None:
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    for nothing in ("мужчина в шляпе", "?", ". . .", "[SEP]".replace("SEP", "")):
        with pytest.raises(RhasError, match="person 1: "):
            run(tmp_path / "b.h5", inputs, {}, ["a man", nothing])
    assert not (tmp_path / "b.h5").exists()


def test_separate_prompting_is_written_down(tmp_path: Path, tiny: str, film: Path) -> None:
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    report, _ = run(tmp_path / "b.h5", inputs, {"stride": 5, "prompting": "separate"})
    assert report["prompts"] == [f"{r} ." for r in REFERENCES]
    assert read(tmp_path / "b.h5")[0]["prompting"] == "separate"


def truth_file(tmp_path: Path, persons: int) -> Path:
    """Person p at 20·p; everybody is away in the last two of six pictures."""
    boxes = np.full((6, persons, 4), np.nan, np.float32)
    for p in range(persons):
        boxes[:4, p] = 20 * p, 10, 20 * p + 18, 80
    shown = np.isfinite(boxes[..., 0])
    return write_truth(tmp_path / "truth.h5", boxes, shown, rate=7.5, size=SIZE)


def test_true_boxes(tmp_path: Path, film: Path) -> None:
    inputs = {"frames": film, "truth": truth_file(tmp_path, 3)}
    report, told = run(tmp_path / "boxes.h5", inputs, {"backend": "truth", "stride": 2})
    attributes, sampled, rows = read(tmp_path / "boxes.h5")
    assert attributes["truth"]
    for name in ("checkpoint", "checkpoint_hash", "policy", "prompting", "dtype"):
        assert attributes[name] == ""
    assert told == [6]
    for frame, row in zip(sampled, rows, strict=True):  # picture n of 7.5/s is frame 2n of 15/s
        for person, found in enumerate(row):
            expected = [[20 * person, 10, 20 * person + 18, 80]] if frame < 8 else []
            assert found.boxes.tolist() == expected
            assert found.scores.tolist() == [1.0] * len(expected)
    assert report["truth"] is True
    assert report["persons"][0]["without_candidate"] == [[8, 10]]


def test_another_number_of_persons_than_the_truth_has(tmp_path: Path, film: Path) -> None:
    inputs = {"frames": film, "truth": truth_file(tmp_path, 2)}
    with pytest.raises(RhasError, match=r"(?s)another number of persons.*expected: 3.*got: 2"):
        run(tmp_path / "boxes.h5", inputs, {"backend": "truth"})
    assert not (tmp_path / "boxes.h5").exists()


def test_a_data_set_without_truth(tmp_path: Path, film: Path) -> None:
    with pytest.raises(RhasError, match=r"(?s)no true boxes.*RHAS-mini"):
        run(tmp_path / "boxes.h5", {"frames": film}, {"backend": "truth"})


def test_a_damaged_frame_is_named(tmp_path: Path, tiny: str, frames: list[np.ndarray]) -> None:
    film = write_frames(tmp_path / "f.h5", [frames[0], b"\xff\xd8 no picture"])
    with pytest.raises(RhasError, match=r"f\.h5:/, frame 1: a stored picture cannot be decoded"):
        run(tmp_path / "b.h5", {"frames": film, "checkpoint": Path(tiny)}, {"stride": 1})
    assert not (tmp_path / "b.h5").exists()


def test_references_that_say_nothing(tmp_path: Path, tiny: str, film: Path) -> None:
    inputs = {"frames": film, "checkpoint": Path(tiny)}
    with pytest.raises(RhasError, match="person 1: a reference without words"):
        run(tmp_path / "b.h5", inputs, {}, ["a man", " . "])
    with pytest.raises(RhasError, match="movie m: no reference"):
        run(tmp_path / "b.h5", inputs, {}, [])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"stride": 0}, r"ground\.stride"),
        ({"top_k": 0}, r"ground\.top_k"),
        ({"min_score": 1.5}, r"ground\.min_score"),
        ({"checkpoint": ""}, "no checkpoint named"),
        ({"policy": "best"}, r"(?s)ground\.policy.*`max` or `mean`"),
        ({"strid": 5}, "did you mean 'stride'"),
        ({"batch_size": 0}, r"ground\.batch_size"),
        ({"batch_size": "all"}, r"(?s)ground\.batch_size.*1 to 1,000,000,000 or `auto`"),
        ({"batch_size": "auto"}, r"(?s)ground\.batch_size.*ground\.device: cuda"),
        ({"dtype": "float16"}, r"(?s)ground\.dtype.*ground\.device: cuda"),
        ({"device": "tpu"}, r"(?s)ground\.device.*`cpu` or `cuda`"),
        ({"prompting": "both"}, r"(?s)ground\.prompting.*`packed` or `separate`"),
    ],
)
def test_settings_that_cannot_be(
    tmp_path: Path, film: Path, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(RhasError, match=told):
        run(tmp_path / "b.h5", {"frames": film}, values)


def test_a_picture_may_be_sixteen_times_as_wide_as_high(tmp_path: Path) -> None:
    for height, wide in ((20, True), (19, False)):
        size = (16 * 20, height)
        store = write_frames(tmp_path / f"{height}.h5", [np.zeros((height, size[0], 3), np.uint8)])
        inputs = {"frames": store, "checkpoint": Path("weights/grounding")}
        if wide:
            run(tmp_path / "boxes.h5", inputs, {"checkpoint": "weights/grounding"})
        else:
            with pytest.raises(RhasError, match=r"(?s)movie m.*too elongated.*16 times.*320 x 19"):
                run(tmp_path / "none.h5", inputs, {"checkpoint": "weights/grounding"})
