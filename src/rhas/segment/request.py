"""The request of `rhas segment`, checked before anything large is imported or loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rhas.base.errors import RhasError
from rhas.base.files import check_writable
from rhas.base.names import movie_name
from rhas.base.sentences import check_references
from rhas.config.decode import DecodeConfig
from rhas.config.params import FilmParams
from rhas.decode.container import FilmInfo, inspect_once
from rhas.decode.judgement import FilmFinding, judge_film
from rhas.segment.labels import Label
from rhas.stores.checksums import CHECKSUMS

if TYPE_CHECKING:  # takes seconds to import
    from rhas.evaluate.fitted import FittedReadout

WORK = ".work"
PAGE, INTERVALS, OVERLAY, SUBTITLES = (
    "index.html", "intervals.json", "overlay.webm", "actions.vtt",
)  # fmt: skip
OUTPUTS = (
    PAGE, INTERVALS, "intervals.csv", "scores.zarr", "tracks.h5", SUBTITLES, OVERLAY, CHECKSUMS,
)  # fmt: skip


@dataclass(frozen=True)
class SegmentRequest:
    """What to segment, and where to write.

    Args:
        film: the file.
        references: a sentence per person.
        out: folder to write; created where missing.
        model: folder of a trained method.
        readout: what evaluate fitted on val for this model; None without one.
        params: of the film's stages.
        overlay: draw the overlay film.
        labels: intervals of the film, to fit a model of actions in words to; may be empty.
        chunk_frames: frames of a chunk (`rhas.segment.chunks`); None: as suits the device.
    """

    film: Path
    references: tuple[str, ...]
    out: Path
    model: Path
    readout: FittedReadout | None
    params: FilmParams
    overlay: bool = True
    labels: tuple[Label, ...] = ()
    chunk_frames: int | None = None

    def __post_init__(self) -> None:
        check_references(self.references)
        check_output_folder(self.out)


def check_output_folder(out: Path) -> None:
    """Raises RhasError where ``out`` cannot be written or has files that `segment_film` would
    replace."""
    check_writable(out)
    if out.is_dir() and not _is_previous_output(out):
        taken = sorted(p.name for p in out.iterdir() if p.name in OUTPUTS)
        if taken:
            raise RhasError(
                "the output folder contains files that `rhas segment` would replace",
                where=str(out),
                got=", ".join(taken),
                do="name another folder with --out, or remove them",
            )


def identify_film(film: Path, config: DecodeConfig) -> tuple[str, FilmInfo]:
    """The film's name and the facts of its container.

    Args:
        config: its ``damaged`` says whether lost frames are accepted.

    Raises:
        RhasError: not a film, one whose name cannot be a movie's, or one that decode refuses.
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
    info = inspect_once(film)
    findings = _judge_once(film, film.stat().st_mtime_ns, name, config)
    if findings and findings[0].refused:
        raise findings[0].error
    return name, info


def list_warnings(film: Path, config: DecodeConfig) -> list[str]:
    """What is odd about a film that `identify_film` accepts."""
    name, _ = identify_film(film, config)
    findings = _judge_once(film, film.stat().st_mtime_ns, name, config)
    return [" ".join(str(finding.error).split()) for finding in findings]


@lru_cache(maxsize=1)
def _judge_once(
    film: Path, changed: int, movie: str, config: DecodeConfig
) -> tuple[FilmFinding, ...]:
    """Maybe every picture is decoded; not again when `segment_film` follows the checks of the
    command."""
    return tuple(judge_film(inspect_once(film), movie, config))


def _is_previous_output(out: Path) -> bool:
    """Whether a folder is one that `segment_film` wrote or began to write."""
    record = out / INTERVALS
    return (out / WORK).is_dir() or (
        record.is_file() and '"model_hash"' in record.read_text("utf-8", errors="replace")
    )
