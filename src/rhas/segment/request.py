"""What is asked of `rhas segment`, checked before anything large is imported or loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.config.decode import DecodeConfig
from rhas.config.params import FilmParams
from rhas.decode.container import FilmInfo, inspect

if TYPE_CHECKING:  # takes seconds to import
    from rhas.evaluate.fitted import FittedReadout

WORK = ".work"
PAGE, INTERVALS, OVERLAY, SUBTITLES = (
    "index.html", "intervals.json", "overlay.webm", "actions.vtt",
)  # fmt: skip
OUTPUTS = (
    PAGE, INTERVALS, "intervals.csv", "scores.zarr", "tracks.h5", SUBTITLES, OVERLAY,
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Args:
        film: the file.
        references: a sentence per person.
        out: folder to write; made where missing.
        model: folder of a trained method.
        readout: what evaluate fitted on val for this model; None where it has not.
        params: of the film's stages.
        overlay: draw the overlay film.
        part_frames: frames of a part (`rhas.segment.parts`); None: as many as suit the device.
    """

    film: Path
    references: tuple[str, ...]
    out: Path
    model: Path
    readout: FittedReadout | None
    params: FilmParams
    overlay: bool = True
    part_frames: int | None = None

    def __post_init__(self) -> None:
        check_references(self.references)
        check_out(self.out)


def check_references(references: Sequence[str]) -> None:
    """Raises RhasError where there is no sentence, one without words, or one twice."""
    if not references:
        raise RhasError("no reference", do='name a person: --ref "the woman in the red coat"')
    for number, reference in enumerate(references):
        if not any(letter.isalnum() for letter in reference):
            raise RhasError(
                "a reference without words",
                where=f"--ref, person {number}",
                expected='a description such as "the woman in the red coat"',
                got=repr(reference),
            )
    twice = {r for r in references if references.count(r) > 1}
    if twice:
        raise RhasError("a reference is given twice", where="--ref", got=repr(min(twice)))


def check_out(out: Path) -> None:
    """Raises RhasError where ``out`` is a file or holds what `segment_film` would replace."""
    if out.exists() and not out.is_dir():
        raise RhasError("the output folder is a file", where=str(out))
    if out.is_dir() and not _made_before(out):
        taken = sorted(p.name for p in out.iterdir() if p.name in OUTPUTS)
        if taken:
            raise RhasError(
                "the output folder holds files that `rhas segment` would replace",
                where=str(out),
                got=", ".join(taken),
                do="name another folder with --out, or remove them",
            )


def look_at(film: Path, config: DecodeConfig) -> tuple[str, FilmInfo]:
    """The film's name and what its container holds.

    Args:
        config: its ``damaged`` says whether lost pictures are put up with.

    Raises:
        RhasError: not a film, one whose name cannot be a movie's, or a damaged one.
    """
    if not film.exists():
        raise RhasError("no such film", where=str(film), do="check the path")
    try:
        name = movie_name(film.stem, str(film))
    except RhasError as error:
        raise RhasError(
            error.what, where=error.where, expected=error.expected, got=error.got,
            do="rename the film, or give a link to it: ln -s FILM harbour.mp4",
        ) from error  # fmt: skip
    info = _inspected(film, film.stat().st_mtime_ns)
    lost = info.missing + len(info.torn)
    if lost and config.damaged == "error":
        raise RhasError(
            f"the film is damaged or truncated: about {lost} of "
            f"{len(info.ticks) + info.missing} pictures are lost",
            where=str(film),
            do="copy or download the film again, or set `decode.damaged: keep` in a copy of "
            "params.yaml (--params) to go on with what is there",
        )
    return name, info


@lru_cache(maxsize=1)
def _inspected(film: Path, changed: int) -> FilmInfo:
    """Every packet is read: not again where the command has looked before `segment_film` does."""
    return inspect(film)


def _made_before(out: Path) -> bool:
    """Whether a folder is one that `segment_film` wrote or began to write."""
    record = out / INTERVALS
    return (out / WORK).is_dir() or (
        record.is_file() and '"model_hash"' in record.read_text("utf-8", errors="replace")
    )
