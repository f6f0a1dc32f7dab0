"""``rhas table``: our runs beside the paper's figures, and the statistics of a data set."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.table import Table
from rich.text import Text

from rhas.base.console import SafeConsole, print_text
from rhas.base.errors import RhasError
from rhas.base.files import replace_file
from rhas.base.formatting import format_duration
from rhas.cli.numbers import check_finite
from rhas.cli.output import make_console, print_json
from rhas.config.params import read_fps

if TYPE_CHECKING:
    from rhas.report.dataset import Statistics

app = typer.Typer()
ROWS = 15
"""Of a statistic's table; the rest is counted."""


@app.callback(invoke_without_command=True)
def table(
    context: typer.Context,
    number: Annotated[
        list[int] | None,
        typer.Option("--table", help="2 to 6, as in the paper; may be repeated. Default: all."),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of runs (JSON lines, as --save writes) instead of this project's."
        ),
    ] = None,
    all_commits: Annotated[
        bool, typer.Option(help="Experiments of all commits, not of the last one alone.")
    ] = False,
    further: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="Another column of the clean tables: map, interval_f1_10, interval_f1_25, "
            "interval_f1_50, label_set_iou; may be repeated.",
        ),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="markdown, csv, latex or json.")
    ] = "markdown",
    out: Annotated[Path | None, typer.Option(help="Write into this file.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the runs into this file, too, for --runs.")
    ] = None,
) -> None:
    """Print the paper's Tables 2 to 6 with the runs of this project beside the paper's figures.

    Example: rhas table --table 3 --format latex --out table3.tex

    Without a command it prints these tables, and needs a run (`make repro`). `rhas table
    statistics` counts what a data set has, and needs none: begin with it.

    Our own measures come first, then those of the published evaluator.

    The workspace, the last commit and its experiments are read, with the settings they were made
    with. Runs that differ in seed or fold alone are one row, mean ± standard deviation; a row
    whose other settings differ from the usual ones names them. A dash: not measured.
    """
    if context.invoked_subcommand is not None:
        return
    from rhas.report.paper_tables.layout import make_tables
    from rhas.report.paper_tables.runs import read_experiments, read_runs, write_runs
    from rhas.report.paper_tables.text import Format, format_tables

    if form not in (known := get_args(Format)):
        raise RhasError("no such format", where="--format", expected=", ".join(known), got=form)
    told = SafeConsole(stderr=True, highlight=False)
    if runs:
        found = [run for path in runs for run in read_runs(path)]
    else:
        found = read_experiments(
            Path.cwd(), all_commits, lambda reason: told.print(f"left out: {reason}")
        )
    text = format_tables(make_tables(found, number or (), further or ()), form)  # type: ignore[arg-type]
    if save:
        write_runs(found, save)
    if out:
        with replace_file(out) as new:
            new.write_text(text, "utf-8")
    else:
        print_text(text, end="")


@app.command("statistics")
def show_statistics(
    data: Annotated[
        Path, typer.Argument(help="data/raw of a prepared or imported data set.")
    ] = Path("data/raw"),
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1000,
            callback=check_finite,
            help="Frames per second. Default: fps of params.yaml.",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Write a picture, too: .png, .pdf or .svg.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Count films, persons, classes and words of a data set, as the paper does of RHAS133.

    Example: rhas table statistics data/raw --plot statistics.png
    """
    from rhas.report.dataset import read_statistics

    if fps is None:
        if not Path("params.yaml").is_file():
            raise RhasError("no rate", where="--fps", do="give one: there is no params.yaml here")
        fps = read_fps(Path("params.yaml"))
    found = read_statistics(data, fps)
    if plot:
        from rhas.report.dataset_figure import draw_statistics

        draw_statistics(found, plot)
    if as_json:
        print_json(found.to_json())
    else:
        make_console().print(*format_statistics(found), sep="\n\n")


def format_statistics(found: Statistics) -> list[Table]:
    """The tables that people read; the longest parts cut at `ROWS`."""
    from rhas.report.paper_tables.layout import read_paper

    printed = read_paper()["rhas133"]
    films, unknown = len(found.persons), found.unknown_lengths
    hours = "unknown" if unknown == films else format_duration(found.known_seconds)
    size = _make_table(
        f"Data set {found.dataset}, and RHAS133 as in the paper", "", "ours", "RHAS133"
    )
    for label, ours, theirs in (
        ("films", f"{films:,}", f"{printed['films']}"),
        ("length", hours + f", {unknown} films unknown" * (0 < unknown < films),
         f"{printed['hours']} hours"),
        ("persons with a reference", f"{sum(found.persons.values()):,}", f"{printed['persons']}"),
        ("persons with annotations", f"{found.annotated:,}", ""),
        ("classes that occur", str(len(found.classes)), f"{printed['classes']}"),
        ("annotated intervals", f"{len(found.lengths_s):,}", ""),
        (f"frames at {found.fps:g} per second, per person", f"{found.frames:,}", ""),
    ):  # fmt: skip
        size.add_row(label, ours, theirs)
    classes = _make_table("Classes", "class", "frames", "intervals", "persons", "median, s")
    for item in found.classes[:ROWS]:
        classes.add_row(item.name, f"{item.frames:,}", f"{item.intervals:,}", str(item.persons),
                        f"{item.median_s:.1f}")  # fmt: skip
    pairs = _make_table("Done at once", "classes", "frames")
    for one, other, frames in found.pairs()[:ROWS]:
        pairs.add_row(f"{one} + {other}", f"{frames:,}")
    many = _make_table("Labels of a frame", "labels", "frames", "%")
    for number, frames in enumerate(found.labels_per_frame):
        many.add_row(str(number), f"{frames:,}", f"{100 * frames / max(found.frames, 1):.1f}")
    people = _make_table("Persons of a film", "persons", "films")
    for number, films in sorted(Counter(found.persons.values()).items()):
        people.add_row(str(number), str(films))
    words = _make_table("Words of the references", "word", "times")
    for word, times in found.words[:ROWS]:
        words.add_row(Text(word), str(times))
    for table, total in ((classes, len(found.classes)), (pairs, len(found.pairs())),
                         (words, len(found.words))):  # fmt: skip
        if total > ROWS:
            table.caption = f"and {total - ROWS} more (--json)"
    return [size, classes, pairs, many, people, words]


def _make_table(title: str, first: str, *others: str) -> Table:
    table = Table(title=Text(title), title_justify="left", caption_justify="left",
                  min_width=len(title))  # fmt: skip
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
