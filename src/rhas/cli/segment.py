"""``rhas segment``: what the persons that sentences describe do in films, and when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.text import Text

from rhas.base.errors import RhasError
from rhas.base.formatting import format_duration
from rhas.base.names import movie_name
from rhas.base.sentences import check_references
from rhas.base.system_errors import is_disk_full
from rhas.cli.output import Column, make_console, print_json, print_note, print_table
from rhas.cli.project import ParamsOption, ProfileOption, read_settings
from rhas.config.params import FilmParams

if TYPE_CHECKING:  # takes seconds to import
    from rhas.segment.labels import Label
    from rhas.segment.many import FilmOutcome, FilmTask
    from rhas.segment.records import FilmSummary

_MAX_ACTIONS = 6  # of a person, those of most frames


class ModelChoice(NamedTuple):
    """What the options say of the model: a trained method's folder, or actions in words and maybe
    a table of labels."""

    folder: Path | None
    actions: str | None
    labels: Path | None


def segment(
    films: Annotated[
        list[Path], typer.Argument(help="Film files, or folders of them.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for all results.")],
    ref: Annotated[
        list[str] | None,
        typer.Option(help="A sentence that describes a person; once per person."),
    ] = None,
    refs: Annotated[
        Path | None,
        typer.Option(help="Sentences by film: a table with movie, person, reference."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a trained method. Default: models/METHOD of params.yaml, else "
            "the built-in one with the built-in checkpoints."
        ),
    ] = None,
    actions: Annotated[
        str | None,
        typer.Option(
            help='Actions to look for without a trained method: "walking, feeding the dog", or a '
            "text file with one per line."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="A few labelled intervals of the film, to fit the scores of --actions: a table "
            "with person, action, start_s, end_s (and movie)."
        ),
    ] = None,
    parameters: ParamsOption = None,
    profile: ProfileOption = None,
    overlay: Annotated[
        bool, typer.Option(help="Draw a film with boxes and actions; takes about half the time.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Segment films: what each described person does, and when.

    Example: rhas segment film.mp4 --ref "the woman in the red coat" --out film

    Writes index.html (open it), intervals.csv and intervals.json, scores.zarr, tracks.h5,
    actions.vtt and overlay.webm into the folder. You can stop the command; run it again and it
    continues. What it needs for that is in .work in the same folder; delete it when you are done.

    Several films, or a folder: each film has a folder in OUT, and OUT/index.html leads to all. A
    film that fails does not stop the others; it is named at the end and makes the exit status 1.
    """
    settings = read_settings(parameters, profile)
    chosen = ModelChoice(model, actions, labels)
    try:
        if len(films) == 1 and not films[0].is_dir() and refs is None:
            summary = segment_one(films[0], ref or [], out, chosen, settings, overlay)
            show_summary(summary, as_json)
            return
        from rhas.segment.many import plan_films  # takes seconds to import

        tasks, warnings = plan_films(films, refs, ref or [])
        for line in warnings:
            _warn(line)
        failed = _segment_many(tasks, out, chosen, settings, overlay, as_json)
    except KeyboardInterrupt:
        print_note("the same command continues from here", "yellow")
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise RhasError(
            "the disk is full",
            where=str(out),
            do="free space, or name a folder on another disk; the same command continues from here",
        ) from error
    raise typer.Exit(1 if failed else 0)


def segment_one(
    film: Path,
    ref: list[str],
    out: Path,
    model: ModelChoice,
    params: FilmParams,
    overlay: bool,
) -> FilmSummary:
    """Checks the request before the models are loaded, then segments the film."""
    from rhas.segment.request import SegmentRequest, check_output_folder

    check_references(ref)
    check_output_folder(out)
    _describe_film(film, params)
    from rhas.segment.models import open_model  # takes seconds; the checks above do not wait
    from rhas.segment.run import segment_film

    name = movie_name(film.stem, str(film))
    labels = _plan_labels(model, {name: ref})[name]
    with open_model(model.folder, model.actions, params, _warn) as (folder, readout, chosen):
        request = SegmentRequest(film, tuple(ref), out, folder, readout, chosen, overlay, labels)
        return segment_film(request, print_note)


def _plan_labels(
    model: ModelChoice, films: dict[str, Sequence[str]]
) -> dict[str, tuple[Label, ...]]:
    """The labels of each film, by the sentences about its persons."""
    from rhas.segment.actions import read_actions
    from rhas.segment.labels import plan_labels

    actions = read_actions(model.actions).names if model.actions is not None else None
    return plan_labels(model.labels, actions, films)


def _segment_many(
    tasks: list[FilmTask],
    out: Path,
    model: ModelChoice,
    params: FilmParams,
    overlay: bool,
    as_json: bool,
) -> bool:
    """Segments films by one model, and prints what became of each; whether one failed."""
    from rhas.segment.many import check_overview_folder, segment_films

    check_overview_folder(out)
    from rhas.segment.models import open_model
    from rhas.segment.request import SegmentRequest
    from rhas.segment.run import segment_film

    labels = _plan_labels(model, {task.movie: task.references for task in tasks})
    with open_model(model.folder, model.actions, params, _warn) as (folder, readout, chosen):

        def segment_task(task: FilmTask, place: Path) -> FilmSummary:
            _describe_film(task.film, params)
            request = SegmentRequest(
                task.film, task.references, place, folder, readout, chosen, overlay,
                labels[task.movie],
            )  # fmt: skip
            return segment_film(request, print_note)

        outcomes = segment_films(tasks, segment_task, out, print_note)
    if as_json:
        print_json(outcomes)
    else:
        _print_outcomes(outcomes, out)
    return any(outcome["error"] for outcome in outcomes)


def _describe_film(film: Path, params: FilmParams) -> None:
    """Prints what the film is, and what is odd about it.

    Raises:
        RhasError: a film that decode refuses.
    """
    from rhas.segment.request import identify_film, list_warnings

    _, info = identify_film(film, params.decode)
    width, height = (round(side) for side in info.display_size())
    length = format_duration(info.seconds)
    print_note(f"{film.name}: {length}, {width}×{height}, {info.codec}; loading the models")
    for warning in list_warnings(film, params.decode):
        _warn(warning)


def _warn(line: str) -> None:
    print_note(line, "yellow")


def show_summary(summary: FilmSummary, as_json: bool) -> None:
    """Prints what was found: a table for people, or JSON."""
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


def _print_outcomes(outcomes: list[FilmOutcome], out: Path) -> None:
    columns = [Column("film", fold=True), Column("persons found", right=True),
               Column("intervals", right=True), Column("problem", fold=True)]  # fmt: skip
    rows = []
    for outcome in outcomes:
        persons = summary["persons"] if (summary := outcome["summary"]) else []
        found = sum(person["found"] for person in persons)
        intervals = sum(person["intervals"] for person in persons)
        counts = [f"{found} of {len(persons)}", str(intervals)] if summary else ["", ""]
        rows.append([outcome["movie"], *counts, outcome["error"] or ""])
    done = sum(outcome["error"] is None for outcome in outcomes)
    print_table(columns, rows, f"{done} of {len(outcomes)} films segmented")
    make_console().print(f"{out}/index.html", soft_wrap=True)


def _print_summary(summary: FilmSummary) -> None:
    columns = [Column("person", fold=True), Column("reference", fold=True),
               Column("seen", right=True, fold=True), Column("intervals", fold=True),
               Column("actions", fold=True)]  # fmt: skip
    rows = []
    for person in summary["persons"]:
        actions = person["actions"]
        more = f" and {len(actions) - _MAX_ACTIONS} more" if len(actions) > _MAX_ACTIONS else ""
        listed = ", ".join(actions[:_MAX_ACTIONS]) + more
        rows.append([
            str(person["person"]), person["reference"], f"{person['seen']:.0%}",
            str(person["intervals"]), listed if person["found"] else "not found: no actions",
        ])  # fmt: skip
    title = Text(f"{summary['film']}, {format_duration(summary['seconds'])}", style="italic")
    print_table(columns, rows, title)
    for person in summary["persons"]:
        if share := person["lookalike_share"]:
            print_note(
                f"person {person['person']}: in {share:.0%} of the film somebody else"
                " fits the sentence about as well; the page shows them"
            )
    make_console().print(f"{summary['out']}/index.html", soft_wrap=True)
