"""The samples of RHAS133's two splits, before their features are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from rhas.base.errors import RhasError
from rhas.data.audit import Audit
from rhas.data.pickles import load_pickle
from rhas.data.rhas133.layout import HOLISTIC_FOLDERS, PublishedFiles
from rhas.stores.manifest import SUBSETS

_LISTED = re.compile(r"(\d{1,9})_blip_feat\.npy")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a character, which no file can hold


@dataclass(frozen=True)
class PublishedSample:
    """One sample before its features are read.

    Args:
        name: of the movie it becomes.
        subset: train, val or test.
        place: file of its labels, and where they stand in it.
        frames: class numbers by frame, as published.
        sentence: the reference; empty where there is none.
        holistic, partial: files, which may be absent.
    """

    name: str
    subset: str
    place: str
    frames: Sequence[Any]
    sentence: str
    holistic: Path
    partial: Path


def find_samples(files: PublishedFiles, audit: Audit) -> list[PublishedSample]:
    """The samples of all subsets that are present.

    Raises:
        RhasError: no subset at all, a refused pickle, one whose lists do not belong together.
    """
    find = _find_cross_movie if files.protocol == "cross_movie" else _find_random
    samples = [sample for subset in SUBSETS for sample in find(files, subset, audit)]
    if not samples:
        raise _no_sample_error(files, audit)
    _check_unique(samples, files.pickles)
    return samples


def _no_sample_error(files: PublishedFiles, audit: Audit) -> RhasError:
    """Samples without features, or no samples either."""
    if lacking := audit.found.get("sample without features"):
        folders = " or ".join(HOLISTIC_FOLDERS[files.vlm])
        return RhasError(
            "no features of any sample",
            where=str(files.features),
            expected=f"{folders} in it, with <number>_{files.suffix}",
            got=f"{len(lacking)} samples in {files.pickles}, the first {lacking[0]}",
            do="name the folder that contains these",
        )
    name = "actions_<subset>_rhas.pkl" if files.protocol == "cross_movie" else "<subset>_anno.pkl"
    return RhasError(
        "no sample", where=str(files.pickles), expected=f"{name} for train, val or test"
    )


def _check_unique(samples: Sequence[PublishedSample], pickles: Path) -> None:
    """Raises RhasError where lists name a sample twice, as those of the random split may."""
    counts = Counter(sample.name for sample in samples)
    twice = [name for name, count in counts.items() if count > 1]
    if not twice:
        return
    first, second = [sample for sample in samples if sample.name == twice[0]][:2]
    raise RhasError(
        "a sample is listed twice",
        where=f"{pickles}: {first.subset}_files.pkl, {second.subset}_files.pkl",
        got=f"{first.holistic.name} of {first.holistic.parent.name}: labels in {first.place} and "
        f"{second.place}" + (f"; and {len(twice) - 1} others" if len(twice) > 1 else ""),
        do="leave it in one of the lists, and its labels in the pickle beside that one",
    )


def _find_cross_movie(
    files: PublishedFiles, subset: str, audit: Audit
) -> Iterator[PublishedSample]:
    file = files.pickles / f"actions_{subset}_rhas.pkl"
    if not file.is_file():
        return
    actions = _load_list(file)
    references = files.pickles / f"person_ref_{subset}_rhas.pkl"
    sentences = _read_sentences(references, len(actions))
    if not sentences:
        audit.add("no sentence", f"{subset}: {references} is absent")
    known, available = set(range(len(actions))), files.list_numbers(subset)
    for number in sorted(known & available):
        name = _movie_name(subset, number)
        sentence = sentences[number].strip() if sentences else ""
        if sentences and not sentence:
            audit.add("no sentence", f"{name}: an empty one")
        yield PublishedSample(
            name, subset, f"{file}, sample {number}", actions[number], sentence,
            files.holistic_file(subset, number), files.partial_file(subset, number),
        )  # fmt: skip
    for number in sorted(available - known):
        audit.add("sample without labels", str(files.holistic_file(subset, number)))
    for number in sorted(known - available):
        lacking = files.holistic_file(subset, number)
        audit.add("sample without features", f"{subset} {number}: no {lacking}")


def _find_random(files: PublishedFiles, subset: str, audit: Audit) -> Iterator[PublishedSample]:
    file, listing = (files.pickles / f"{subset}_{name}.pkl" for name in ("anno", "files"))
    if not file.is_file():
        return
    actions, paths = _load_list(file), _load_list(listing)
    if len(actions) != len(paths):
        raise RhasError(
            "the lists do not belong together",
            where=f"{file}, {listing}",
            got=f"{len(actions)} and {len(paths)} samples",
        )
    audit.add("no sentence", f"{subset}: the random split lists none")
    for index, (frames, path) in enumerate(zip(actions, paths, strict=True)):
        original, number = _parse_listed(path, listing)
        holistic = files.holistic_file(original, number)
        if holistic.is_file():
            yield PublishedSample(
                _movie_name(original, number), subset, f"{file}, sample {index}", frames, "",
                holistic, files.partial_file(original, number),
            )  # fmt: skip
        else:
            audit.add("sample without features", f"{subset}: no {holistic}")


def _parse_listed(path: object, listing: Path) -> tuple[str, int]:
    """Subset and number that a listed file had in the cross-movie split."""
    folders = HOLISTIC_FOLDERS["blip2"]
    if isinstance(path, str):
        folder, _, name = "/".join(PurePosixPath(path).parts[-2:]).partition("/")
        match = _LISTED.fullmatch(name)
        if match and folder in folders:
            return SUBSETS[folders.index(folder)], int(match[1])
    raise RhasError(
        "not the path of a feature file",
        where=str(listing),
        expected=f".../{folders[0]}/<number>_blip_feat.npy",
        got=repr(path),
    )


def _movie_name(subset: str, number: int) -> str:
    return f"rhas133_{subset}_{number:05d}"


def _load_list(path: Path) -> list[Any]:
    value = load_pickle(path)
    if not isinstance(value, list | tuple):
        raise RhasError(
            "not a list of samples", where=str(path), got=type(value).__name__,
            expected="a list with one entry per sample",
        )  # fmt: skip
    return list(value)


def _read_sentences(path: Path, samples: int) -> list[str]:
    """One sentence per sample; none where there is no such file."""
    if not path.is_file():
        return []
    found = [
        _parse_sentence(value, f"{path}, sample {index}")
        for index, value in enumerate(_load_list(path))
    ]
    if len(found) != samples:
        raise RhasError(
            "the lists do not belong together",
            where=str(path),
            expected=f"{samples} sentences, one per sample of the actions",
            got=str(len(found)),
        )
    return found


def _parse_sentence(value: Any, where: str) -> str:
    """A sentence, or one that is repeated for every frame."""
    texts: set[str] = set()
    if isinstance(value, str):
        texts = {value}
    elif isinstance(value, np.ndarray) and value.dtype.kind == "U":
        texts = set(value.tolist())
    elif isinstance(value, list | tuple) and all(isinstance(text, str) for text in value):
        texts = set(value)
    if len(texts) != 1:
        raise RhasError(
            "not a sentence",
            where=where,
            expected="a sentence, or one sentence repeated for every frame",
            got=f"{len(texts)} different ones" if texts else type(value).__name__,
        )
    sentence = texts.pop().strip()
    if _SURROGATE.search(sentence):
        raise RhasError(
            "not a sentence",
            where=where,
            expected="text of whole Unicode characters",
            got=ascii(sentence[:60]),
        )
    return sentence
