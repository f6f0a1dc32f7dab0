"""RHAS133 from pickles and .npy files, against what the published code makes of them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from published import FRAMES, D, Q, features, labels, write_published

from rhas.base.classes import CLASS_ID, CLASSES
from rhas.base.errors import RhasError
from rhas.base.units import seconds_to_frame
from rhas.chunk import make_labels
from rhas.data.annotations import TimedAction
from rhas.data.audit import Audit
from rhas.data.labels import LabelMap
from rhas.data.rhas133.layout import PublishedFiles
from rhas.data.rhas133.samples import write_samples
from rhas.data.rhas133.sources import find_samples
from rhas.inspection.verify import verify_path
from rhas.stores.features import FeatureStore
from rhas.stores.manifest import Film

SAMPLES = {"train": 3, "val": 1}


@pytest.fixture
def published(tmp_path: Path) -> tuple[Path, Path]:
    return write_published(tmp_path / "published", SAMPLES)


def brought(
    published: tuple[Path, Path], out: Path, vlm: str = "blip2", protocol: str = "cross_movie",
    base: int = 0, renamed: dict[str, str] | None = None,
) -> tuple[list[Film], list[TimedAction], Audit]:  # fmt: skip
    audit = Audit()
    out.mkdir()
    samples = find_samples(PublishedFiles(*published, vlm, protocol), audit)
    return *write_samples(samples, LabelMap(renamed or {}, {}), base, 15.0, vlm, out, audit), audit


def multi_hot(frames: list[list[int]]) -> np.ndarray:
    found = np.zeros((len(frames), len(CLASSES)), np.float32)
    for number, frame in enumerate(frames):
        found[number, frame] = 1
    return found


def test_every_sample_becomes_a_store(published: tuple[Path, Path], tmp_path: Path) -> None:
    films, annotations, audit = brought(published, tmp_path / "out")
    assert [(f.movie, f.references[0], f.subset) for f in films][1:] == [
        ("rhas133_train_00001", "the person 1 of train", "train"),
        ("rhas133_train_00002", "the person 2 of train", "train"),
        ("rhas133_val_00000", "the person 0 of val", "val"),
    ]
    assert not audit.stops
    store = tmp_path / "out" / "rhas133_train_00001.zarr"
    read = FeatureStore(store).read_window(0, 0, FRAMES)
    want = features(10).mean(1).astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(read.holistic, want, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(read.partial, features(11).mean(1), rtol=2e-3, atol=1e-3)
    assert read.present.all()
    facts = FeatureStore(store).read_info()
    assert FeatureStore(store).read_widths()[0] == D
    assert (facts.fps, facts.encoder, facts.truth) == (15.0, "blip2", False)
    assert {check.level for check in verify_path(store)} <= {"ok", "warn"}
    rows = [
        (CLASS_ID[a.action], seconds_to_frame(a.start_s, 15), seconds_to_frame(a.end_s, 15))
        for a in annotations
        if a.movie == "rhas133_train_00001"
    ]
    np.testing.assert_array_equal(make_labels(rows, 0, FRAMES), multi_hot(labels(1)))


def test_clip_features_have_no_tokens(tmp_path: Path) -> None:
    published = write_published(tmp_path / "published", {"test": 2}, "clip")
    films, _, audit = brought(published, tmp_path / "out", vlm="clip")
    assert [f.subset for f in films] == ["test", "test"]
    read = FeatureStore(tmp_path / "out" / "rhas133_test_00000.zarr").read_window(0, 0, FRAMES)
    np.testing.assert_allclose(read.holistic, features(0, tokens=0), rtol=1e-3, atol=1e-3)
    assert "averaged over query tokens" not in audit.found


def test_the_random_split(published: tuple[Path, Path], tmp_path: Path) -> None:
    pickles, folder = published
    names = ["/their/disk/RHAS_feature_blipv2_val/0_blip_feat.npy",
             "/their/disk/RHAS_feature_blipv2/2_blip_feat.npy",
             "/their/disk/RHAS_feature_blipv2/9_blip_feat.npy"]  # fmt: skip
    (pickles / "test_files.pkl").write_bytes(pickle.dumps(names))
    (pickles / "test_anno.pkl").write_bytes(pickle.dumps([labels(0), labels(2), labels(9)]))
    films, annotations, audit = brought(published, tmp_path / "out", protocol="random")
    assert [(f.movie, f.subset) for f in films] == [
        ("rhas133_val_00000", "test"), ("rhas133_train_00002", "test"),
    ]  # fmt: skip
    assert len(audit.found["sample without features"]) == 1
    assert {a.movie for a in annotations} == {f.movie for f in films}
    for name in ("../../etc/0_blip_feat.npy", "RHAS_feature_blipv2/../0_blip_feat.npy", "x", 5):
        (pickles / "test_files.pkl").write_bytes(pickle.dumps([name] * 3))
        with pytest.raises(RhasError, match="not the path of a feature file"):
            find_samples(PublishedFiles(pickles, folder, "blip2", "random"), Audit())
    (pickles / "test_files.pkl").write_bytes(pickle.dumps(names[:2]))
    with pytest.raises(RhasError, match="do not belong together"):
        find_samples(PublishedFiles(pickles, folder, "blip2", "random"), Audit())


def train(published: tuple[Path, Path], partial: bool, index: int = 0) -> Path:
    place = "RHAS_feature_blipv2_train_grounding_dino" if partial else "RHAS_feature_blipv2"
    return published[1] / place / f"{index}_blip_feat.npy"


def test_missing_crops(published: tuple[Path, Path], tmp_path: Path) -> None:
    train(published, partial=True, index=1).unlink()
    some = features(1)
    some[5:9] = 0
    np.save(train(published, partial=True), some)
    _, _, audit = brought(published, tmp_path / "out")
    none = FeatureStore(tmp_path / "out" / "rhas133_train_00001.zarr").read_window(0, 0, FRAMES)
    assert not none.present.any()
    part = FeatureStore(tmp_path / "out" / "rhas133_train_00000.zarr").read_window(0, 0, FRAMES)
    assert np.flatnonzero(~part.present).tolist() == [5, 6, 7, 8]
    assert len(audit.found["no partial features"]) == 1
    assert audit.found["missing crop"] == ["rhas133_train_00000: 4 of 40 frames"]


def test_different_lengths_are_cut_to_the_shortest(
    published: tuple[Path, Path], tmp_path: Path
) -> None:
    np.save(train(published, partial=True), features(1)[:30])
    films, annotations, audit = brought(published, tmp_path / "out")
    assert FeatureStore(tmp_path / "out" / f"{films[0].movie}.zarr").read_info().frames == 30
    assert max(a.end_s for a in annotations if a.movie == films[0].movie) == 2.0
    assert audit.found["features of another length than labels"] == [
        "rhas133_train_00000: labels 40, holistic 40, partial 30"
    ]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: np.save(p, np.full((FRAMES, Q, D), np.nan, np.float32)),
        lambda p: np.save(p, np.full((FRAMES, D), 1e6, np.float32)),
        lambda p: np.save(p, np.zeros((FRAMES,), np.float32)),
        lambda p: np.save(p, np.zeros((FRAMES, D), np.int64)),
        lambda p: np.save(p, np.array([{}] * FRAMES, object)),
        lambda p: np.save(p, np.zeros((0, D), np.float32)),
        lambda p: p.write_bytes(p.read_bytes()[:200]),
        lambda p: p.write_bytes(pickle.dumps([1])),
        lambda p: p.write_bytes(p.read_bytes().replace(b"{'descr'", b"('descr'")),
        lambda p: p.write_bytes(b""),
    ],
)
def test_unreadable_features_are_a_finding(
    published: tuple[Path, Path], tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(train(published, partial=False))
    films, _, audit = brought(published, tmp_path / "out")
    assert len(films) == 3
    assert len(audit.found["unreadable features"]) == 1
    assert audit.stops


def test_labels_and_features_that_contradict_each_other_are_a_loss(
    published: tuple[Path, Path], tmp_path: Path
) -> None:
    np.save(train(published, partial=False), features(1)[:8])
    films, _, audit = brought(published, tmp_path / "out")
    assert len(films) == 3
    (found,) = audit.found["unreadable features"]
    assert "most frames would be lost" in found
    assert "labels 40, holistic 8, partial 40" in found
    assert audit.stops


def test_a_sample_in_which_nothing_is_labelled_is_told(
    published: tuple[Path, Path], tmp_path: Path
) -> None:
    path = published[0] / "actions_train_rhas.pkl"
    actions = pickle.loads(path.read_bytes())
    actions[1] = [[] for _ in actions[1]]
    path.write_bytes(pickle.dumps(actions))
    films, annotations, audit = brought(published, tmp_path / "out")
    (place,) = audit.found["sample in which nothing is labelled"]
    assert place.startswith("rhas133_train_00001: ")
    assert len(films) == 4
    assert "rhas133_train_00001" not in {row.movie for row in annotations}


def test_features_without_labels_and_labels_without_features(
    published: tuple[Path, Path], tmp_path: Path
) -> None:
    train(published, partial=False, index=2).rename(train(published, partial=False, index=7))
    _, _, audit = brought(published, tmp_path / "out")
    assert len(audit.found["sample without features"]) == 1
    assert len(audit.found["sample without labels"]) == 1


def test_class_numbers(published: tuple[Path, Path], tmp_path: Path) -> None:
    actions = published[0] / "actions_train_rhas.pkl"
    counted_from_1 = [[[n + 1 for n in frame] for frame in labels(i)] for i in range(3)]
    counted_from_1[0][0] = [137]
    actions.write_bytes(pickle.dumps(counted_from_1))
    with pytest.raises(RhasError) as caught:
        brought(published, tmp_path / "a")
    assert caught.value.where == f"{actions}, sample 0, frame 0: class 137"
    assert caught.value.do == "give --id-base 1, which all of them fit"
    assert "--label" not in str(caught.value)
    _, annotations, audit = brought(published, tmp_path / "b", base=1, renamed={"carrying": ""})
    assert annotations[0].action == "yawning"
    assert "17" not in {a.action for a in annotations}
    assert audit.found["class numbers"] == ["the first class has number 1"]


def test_a_number_of_no_list_is_told_with_its_place(
    published: tuple[Path, Path], tmp_path: Path
) -> None:
    pickles, folder = published
    wrong = [*labels(2)[:7], [900], *labels(2)[8:]]
    names = ["RHAS_feature_blipv2/0_blip_feat.npy", "RHAS_feature_blipv2/2_blip_feat.npy"]
    (pickles / "test_files.pkl").write_bytes(pickle.dumps(names))
    (pickles / "test_anno.pkl").write_bytes(pickle.dumps([labels(0), wrong]))
    with pytest.raises(RhasError) as caught:
        brought((pickles, folder), tmp_path / "out", protocol="random")
    place = f"{pickles / 'test_anno.pkl'}, sample 1, frame 7: class 900"
    assert caught.value.where == place
    assert "no --id-base fits" in caught.value.do


def test_half_a_character_is_no_sentence(published: tuple[Path, Path], tmp_path: Path) -> None:
    sentences = published[0] / "person_ref_train_rhas.pkl"
    for said in ("the man\ud83d", ["the man\ud83d"] * FRAMES, np.array(["the man\ud83d"])):
        sentences.write_bytes(pickle.dumps(["the woman", said, "the boy"]))
        with pytest.raises(RhasError, match="not a sentence") as caught:
            brought(published, tmp_path / "out")
        assert caught.value.where == f"{sentences}, sample 1"
        assert caught.value.got == r"'the man\ud83d'"
        (tmp_path / "out").rmdir()


def test_a_label_map_leaves_classes_out(published: tuple[Path, Path], tmp_path: Path) -> None:
    left_out = CLASSES[17]
    _, annotations, audit = brought(
        published, tmp_path / "out", renamed={left_out: "", "walking": "running"}
    )
    assert {a.action for a in annotations} == {"running", "standing"}
    assert audit.found["left out by the label map"] == [f"{left_out} -> nothing"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("actions_train_rhas.pkl", {"a": 1}, "not a list of samples"),
        ("actions_train_rhas.pkl", [5], "not the labels of a sample"),
        ("actions_train_rhas.pkl", [[["walking"]]], "not the labels of a sample"),
        ("actions_train_rhas.pkl", [[[1.5]]], "not the labels of a sample"),
        ("actions_train_rhas.pkl", [[[True]]], "not the labels of a sample"),
        ("actions_train_rhas.pkl", [[[-1]]], "outside the list"),
        ("actions_train_rhas.pkl", [multi_hot(labels(0)).astype(int)], "looks multi-hot"),
        ("actions_train_rhas.pkl", [multi_hot(labels(0)).astype(int).tolist()], "looks multi-hot"),
        ("person_ref_train_rhas.pkl", ["one"], "do not belong together"),
        ("person_ref_train_rhas.pkl", ["a", ["b", "c"], "d"], "2 different ones"),
        ("person_ref_train_rhas.pkl", ["a", 5, "d"], "not a sentence"),
    ],
)
def test_pickles_of_another_form(
    published: tuple[Path, Path], tmp_path: Path, name: str, value: object, message: str
) -> None:
    (published[0] / name).write_bytes(pickle.dumps(value))
    if name.startswith("actions"):
        (published[0] / "person_ref_train_rhas.pkl").unlink()
    with pytest.raises(RhasError, match=message):
        brought(published, tmp_path / "out")


def test_labels_and_sentences_as_arrays(published: tuple[Path, Path], tmp_path: Path) -> None:
    want = brought(published, tmp_path / "a")[:2]
    arrays = [[np.array(frame) for frame in labels(i)] for i in range(3)]
    (published[0] / "actions_train_rhas.pkl").write_bytes(pickle.dumps(arrays))
    repeated = [np.array([f"the person {i} of train"] * FRAMES) for i in range(3)]
    (published[0] / "person_ref_train_rhas.pkl").write_bytes(pickle.dumps(repeated))
    assert brought(published, tmp_path / "b")[:2] == want


def test_an_empty_sentence_is_told(published: tuple[Path, Path], tmp_path: Path) -> None:
    sentences = ["the man", " ", "the woman"]
    (published[0] / "person_ref_train_rhas.pkl").write_bytes(pickle.dumps(sentences))
    films, _, audit = brought(published, tmp_path / "out")
    assert audit.found["no sentence"] == ["rhas133_train_00001: an empty one"]
    assert [film.references[0] for film in films if film.movie == "rhas133_train_00001"] == [
        "the person of sample rhas133_train_00001"
    ]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match="actions_<subset>_rhas"):
        find_samples(PublishedFiles(tmp_path, tmp_path, "blip2", "cross_movie"), Audit())


@pytest.mark.parametrize("protocol", ["cross_movie", "random"])
def test_a_wrong_folder_of_features_is_named(
    published: tuple[Path, Path], tmp_path: Path, protocol: str
) -> None:
    pickles = published[0]
    (pickles / "test_files.pkl").write_bytes(pickle.dumps(["RHAS_feature_blipv2/0_blip_feat.npy"]))
    (pickles / "test_anno.pkl").write_bytes(pickle.dumps([labels(0)]))
    wrong = published[1] / "RHAS_feature_blipv2"
    with pytest.raises(RhasError) as caught:
        find_samples(PublishedFiles(pickles, wrong, "blip2", protocol), Audit())
    assert caught.value.where == str(wrong)
    assert "RHAS_feature_blipv2 or RHAS_feature_blipv2_val or " in caught.value.expected
    assert str(wrong / "RHAS_feature_blipv2" / "0_blip_feat.npy") in caught.value.got


def test_a_sample_in_two_lists_is_named(published: tuple[Path, Path]) -> None:
    pickles, folder = published
    for side, numbers in (("train", [0, 1]), ("test", [1])):
        names = [f"RHAS_feature_blipv2/{n}_blip_feat.npy" for n in numbers]
        (pickles / f"{side}_files.pkl").write_bytes(pickle.dumps(names))
        (pickles / f"{side}_anno.pkl").write_bytes(pickle.dumps([labels(n) for n in numbers]))
    with pytest.raises(RhasError) as caught:
        find_samples(PublishedFiles(pickles, folder, "blip2", "random"), Audit())
    assert caught.value.where == f"{pickles}: train_files.pkl, test_files.pkl"
    assert caught.value.got == (
        f"1_blip_feat.npy of RHAS_feature_blipv2: labels in {pickles / 'train_anno.pkl'}, "
        f"sample 1 and {pickles / 'test_anno.pkl'}, sample 0"
    )
