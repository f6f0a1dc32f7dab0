"""How much `rhas segment`'s answers change with what does not change who does what.

    python benchmarks/steadiness.py data/frames/mini_02.h5 data/frames/mini_05.h5 --seconds 60

Each film is the start of a frames store of the pipeline, written as H.264 at its working rate,
nearly without loss. Variants: begun 1 to 4 frames later, the film twice in a row (its second part
is compared with its first), encoded coarsely, scaled to 0.75, and mirrored, with left and right
exchanged in the sentences. Per variant, in per cent of the common frames of all persons:

presence    both have a box, or none
top class   of the frames with a label in which both have a box: the same class has the best score
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from measure import format_rows, make_parser, show
from numpy.typing import NDArray
from PIL import Image

from rhas.base.program import run_script
from rhas.calls import segment_film
from rhas.data.annotations import read_annotations
from rhas.mini.references import swap_sides
from rhas.stores.frames import open_frames
from rhas.stores.manifest import Manifest
from rhas.stores.scores import read_person_scores
from rhas.stores.tracks import BoxSource, FilmTracks

RAW = Path("data/raw")
Pictures = NDArray[np.uint8]
Counts = NDArray[np.int64]
"""Frames: presence agrees, all; the top class is the same, with a label and both boxes."""


@dataclass(frozen=True)
class Variant:
    """A film that shows the same people doing the same.

    Args:
        pictures: uint8 (T, h, w, 3).
        references: a sentence per person.
        first: frames of this film and of the base film from which on they are compared.
        crf: of x264; 8 is nearly without loss.
    """

    pictures: Pictures
    references: tuple[str, ...]
    first: tuple[int, int] = (0, 0)
    crf: int = 8


@dataclass(frozen=True)
class Answer:
    """What was found: box there bool (P, T), best class int (P, T)."""

    present: NDArray[np.bool_]
    best: NDArray[np.int64]


def make_variants(pictures: Pictures, references: tuple[str, ...]) -> Iterator[tuple[str, Variant]]:
    """The variants by name."""
    for later in range(1, 5):
        yield f"{later} later", Variant(pictures[later:], references, (0, later))
    twice = np.concatenate([pictures, pictures])
    yield "twice", Variant(twice, references, (len(pictures), 0))
    yield "coarse", Variant(pictures, references, crf=30)
    yield "scaled", Variant(scale_pictures(pictures, 0.75), references)
    sentences = tuple(map(swap_sides, references))
    yield "mirrored", Variant(pictures[:, :, ::-1], sentences)


def scale_pictures(pictures: Pictures, factor: float) -> Pictures:
    """Pictures of another size, sides rounded to even numbers."""
    height, width = (2 * round(side * factor / 2) for side in pictures.shape[1:3])
    resized = (Image.fromarray(p).resize((width, height), Image.Resampling.BICUBIC)
               for p in pictures)  # fmt: skip
    return np.stack([np.asarray(image) for image in resized])


def write_film(variant: Variant, fps: float, path: Path) -> None:
    """Encodes the pictures as H.264, ``fps`` frames per second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = variant.pictures.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(variant.crf), "preset": "veryfast"}
        for picture in variant.pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def find_answer(variant: Variant, fps: float, folder: Path) -> Answer:
    """Segments the variant with the parameters and the model of the current folder."""
    folder.mkdir()
    write_film(variant, fps, folder / "film.mp4")
    segment_film(folder / "film.mp4", variant.references, folder / "out", overlay=False)
    tracks = FilmTracks.read(folder / "out/tracks.h5")
    scores = read_person_scores(folder / "out/scores.zarr")
    return Answer(
        np.stack([person.source != BoxSource.MISSING for person in tracks.persons]),
        np.stack([person.scores.argmax(axis=1) for person in scores]),
    )


def count_agreement(
    base: Answer, other: Answer, variant: Variant, labelled: NDArray[np.bool_]
) -> Counts:
    """Counts frames of ``other`` that agree with those of ``base`` that show the same.

    Args:
        labelled: bool (P, T), frames of the base film with an annotation.
    """
    own, theirs = variant.first
    length = min(base.present.shape[1] - theirs, other.present.shape[1] - own)
    a, b = slice(theirs, theirs + length), slice(own, own + length)
    both = base.present[:, a] & other.present[:, b] & labelled[:, a]
    same = base.best[:, a] == other.best[:, b]
    agreed = base.present[:, a] == other.present[:, b]
    return np.array([agreed.sum(), agreed.size, (same & both).sum(), both.sum()])


def read_labelled(movie: str, persons: int, frames: int, fps: float) -> NDArray[np.bool_]:
    """Whether anything is annotated, bool (P, T)."""
    labelled = np.zeros((persons, frames), bool)
    for row in read_annotations(RAW):
        if row.movie == movie:
            labelled[row.person, round(row.start_s * fps) : round(row.end_s * fps)] = True
    return labelled


def measure_film(store: Path, seconds: float, folder: Path) -> dict[str, Counts]:
    """Agreement of every variant of a film with its base; works in ``folder``."""
    movie = store.stem
    references = next(f.references for f in Manifest.read(RAW).films if f.movie == movie)
    with open_frames(store) as frames:
        fps, count = frames.info.fps, min(len(frames), round(seconds * frames.info.fps))
        pictures = frames.read_window(0, count)["pictures"]
    height, width = (side // 2 * 2 for side in pictures.shape[1:3])
    pictures = pictures[:, :height, :width]
    labelled = read_labelled(movie, len(references), count, fps)
    base = find_answer(Variant(pictures, references), fps, folder / f"{movie} base")
    found = {}
    for name, variant in make_variants(pictures, references):
        other = find_answer(variant, fps, folder / f"{movie} {name}")
        found[name] = count_agreement(base, other, variant, labelled)
        print(f"{movie} {name}: {compute_shares(found[name])}", flush=True)
    return found


def compute_shares(counts: Counts) -> dict[str, float]:
    """The two figures, per cent."""
    agreed, frames, same, both = map(float, counts)
    return {"presence": 100 * agreed / frames, "top class": 100 * same / max(both, 1)}


def sum_films(films: Sequence[dict[str, Counts]]) -> dict[str, dict[str, float]]:
    names = films[0]
    return {name: compute_shares(np.sum([film[name] for film in films], axis=0)) for name in names}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("stores", type=Path, nargs="+", help="data/frames/MOVIE.h5")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each film")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        films = [measure_film(store, args.seconds, Path(folder)) for store in args.stores]
    rows = sum_films(films)
    show(rows, format_rows(rows), args.json)


if __name__ == "__main__":
    run_script(main)
