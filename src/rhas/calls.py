"""What the commands do with films, as functions with plain arguments (docs/API.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.config.params import FilmParams, find_params, read_film_params
from rhas.config.profiles import read_profiled_params
from rhas.engine.workcache import WorkCache
from rhas.pipeline.features import extract_features as extract_from_films
from rhas.segment import run
from rhas.segment.actions import read_actions
from rhas.segment.labels import Label, plan_labels
from rhas.segment.models import open_model
from rhas.segment.records import FilmSummary
from rhas.segment.request import SegmentRequest, identify_film

AnyPath = str | PathLike[str]


def extract_features(
    films: Sequence[AnyPath],
    references: Sequence[str],
    out: AnyPath,
    *,
    params: AnyPath = "params.yaml",
    profile: str | None = None,
) -> dict[str, Path]:
    """Decodes films, finds the described persons and extracts their features.

    All films are tried before an error is raised; what is done is not computed again. Call it from
    a script's ``if __name__ == "__main__":``, since its workers are processes of their own.

    Args:
        films: the files; their names without ending must differ.
        references: a sentence per person, looked for in every film.
        out: folder for ``frames``, ``boxes``, ``tracks`` and ``features``.
        params: a params.yaml. Checkpoints in it are relative to the working folder.
        profile: whose parameters take the place of those in ``params``, which is not needed then.

    Returns:
        The feature store of each film by its movie name; `rhas.stores` reads it.

    Raises:
        RhasError: wrong parameters or sentences, or a film that cannot be read; the others are
            done.
    """
    settings = _read_params(Path(params), profile)
    folder = Path(out)
    failures = extract_from_films(
        [Path(film) for film in films], references, settings, WorkCache(folder / ".work"), folder
    )
    if failures:
        raise RhasError(
            f"{len(failures)} of {len(films)} films failed",
            where=str(folder / "report.json"),
            got="; ".join(str(error) for error in failures.values()),
        ) from next(iter(failures.values()))
    movies = [movie_name(Path(film).stem, str(film)) for film in films]
    return {movie: folder / "features" / f"{movie}.zarr" for movie in movies}


def segment_film(
    film: AnyPath,
    references: Sequence[str],
    out: AnyPath,
    *,
    model: AnyPath | None = None,
    actions: str | None = None,
    labels: AnyPath | None = None,
    params: AnyPath = "params.yaml",
    profile: str | None = None,
    overlay: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> FilmSummary:
    """Tells what the described persons do in a film, and when; writes all of it into a folder.

    Args:
        film: the file.
        references: a sentence per person.
        out: folder to write; docs/SEGMENT.md says what is in it.
        model: folder of a trained method; None: ``models/<method>`` of ``params``, or
            without one the built-in method where the checkpoints are built in.
        actions: what to look for without a trained model: "walking, feeding the dog", or a text
            file with an action per line (docs/SEGMENT.md).
        labels: a table of labelled intervals of the film, to fit the scores of ``actions``.
        params: a params.yaml. Checkpoints in it are relative to the working folder.
        profile: whose parameters take the place of those in ``params``, which is not needed then.
        overlay: draw a film with boxes and actions.
        tell: takes a line about each step, e.g. ``print``.

    Returns:
        A summary: film, seconds, and of each person the reference, the share of frames in which
        they are seen, the number of intervals and the actions.

    Raises:
        RhasError: what is wrong with the film, the sentences, the parameters or the model.
    """
    settings = _read_params(Path(params), profile)
    own: tuple[Label, ...] = ()
    if labels is not None:
        name, _ = identify_film(Path(film), settings.decode)
        names = read_actions(actions).names if actions is not None else None
        own = plan_labels(Path(labels), names, {name: references})[name]
    with open_model(model, actions, settings, tell) as (folder, readout, settings):
        request = SegmentRequest(
            Path(film), tuple(references), Path(out), folder, readout, settings, overlay, own
        )
        return run.segment_film(request, tell)


def _read_params(path: Path, profile: str | None) -> FilmParams:
    if profile is None:
        return read_film_params(find_params(path))
    return read_profiled_params(path if path.is_file() else None, profile)
