"""Parts of a film: what is held in memory, and what a killed run loses, is bounded by a part.

A part is a store of its own that the stages' functions read: the frames' numbers start from 0, the
pictures stay in the whole film's store, which the part links. Parts are whole batches long, so
every batch holds the same pictures as in one run over the whole film, and gives the same bits.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from rhas.check.parameters import section_config
from rhas.stores.jpegstore import create_dataset, create_h5, person_group

_ABOUT = {"cpu": 9_600, "cuda": 28_800}  # frames; every part loads the models anew
_FIRST_BATCH = {"cpu": 64, "cuda": 256}  # the most that ``batch_size: auto`` takes


class Part(NamedTuple):
    """Frames ``[start, stop)`` of a film, and the store made of them."""

    start: int
    stop: int
    path: Path


def part_length(values: Mapping[str, Any]) -> int:
    """Frames of a part: a whole number of the batches of ground and of extract.

    Args:
        values: params.yaml.
    """
    ground, extract = (section_config(values, stage) for stage in ("ground", "extract"))
    device = "cuda" if "cuda" in (ground.device, extract.device) else "cpu"
    batches = [
        _FIRST_BATCH[device] if config.batch_size == "auto" else config.batch_size
        for config in (ground, extract)
    ]
    unit = math.lcm(ground.stride * batches[0], batches[1])
    return max(1, _ABOUT[device] // unit) * unit


def spans(frames: int, length: int) -> list[tuple[int, int]]:
    """``[start, stop)`` of every part: 25 frames by 10 are (0, 10), (10, 20), (20, 25)."""
    return [(start, min(start + length, frames)) for start in range(0, frames, length)]


def frames_part(whole: Path, identity: str, start: int, stop: int, out: Path) -> Part:
    """A frames store of some frames; ``identity`` stands for the content of the whole store."""
    with h5py.File(whole) as film, _part(out, identity, start) as file:
        file.attrs.update(film.attrs)
        _link_pictures(film, file, whole, start, stop)
        create_dataset(file, "time", film["time"][start:stop])
    return Part(start, stop, out)


def tracks_part(whole: Path, identity: str, start: int, stop: int, out: Path) -> Part:
    """A tracks store of some frames, with what extract reads of it: crops and references."""
    with h5py.File(whole) as tracks, _part(out, identity, start) as file:
        file.attrs.update(tracks.attrs)
        person = 0
        while (name := person_group(person)) in tracks:
            group = file.create_group(name)
            group.attrs["reference"] = tracks[name].attrs["reference"]
            _link_pictures(tracks[name], group, whole, start, stop)
            person += 1
    return Part(start, stop, out)


def merge_boxes(parts: Sequence[Part], out: Path) -> None:
    """The boxes store of the film, from those of its parts in order."""
    with create_h5(out) as file:
        stores = [h5py.File(part.path) for part in parts]
        try:
            file.attrs.update(stores[0].attrs)
            sampled = [s["frames"][:] + p.start for s, p in zip(stores, parts, strict=True)]
            create_dataset(file, "frames", np.concatenate(sampled).astype(np.int32))
            person = 0
            while (name := person_group(person)) in stores[0]:
                groups = [store[name] for store in stores]
                group = file.create_group(name)
                group.attrs["reference"] = groups[0].attrs["reference"]
                counts = [np.diff(g["offsets"][:]) for g in groups]
                offsets = np.concatenate([[0], np.cumsum(np.concatenate(counts))])
                create_dataset(group, "offsets", offsets.astype(np.int64))
                for data in ("boxes", "scores"):
                    create_dataset(group, data, np.concatenate([g[data][:] for g in groups]))
                person += 1
        finally:
            for store in stores:
                store.close()


@contextmanager
def _part(out: Path, identity: str, start: int) -> Iterator[h5py.File]:
    """A new store that says what it is a part of: its own bytes do not hold the pictures."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with create_h5(out) as file:
        file.attrs["part_of"], file.attrs["first_frame"] = identity, start
        yield file


def _link_pictures(
    source: h5py.Group, group: h5py.Group, whole: Path, start: int, stop: int
) -> None:
    """The pictures stay where they are; offsets into them need not begin at 0."""
    there = os.path.relpath(whole.resolve(), Path(group.file.filename).resolve().parent)
    group["jpeg"] = h5py.ExternalLink(there, f"{source.name.rstrip('/')}/jpeg")
    create_dataset(group, "offsets", source["offsets"][start : stop + 1])
