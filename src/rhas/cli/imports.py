"""``rhas import``: films, annotations and features of others."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from rhas.base.errors import RhasError
from rhas.cli.output import console, progress_bar

app = typer.Typer(
    help="Bring in films, annotations and features of others.\n\n"
    "What does not fit is listed with file and line (the audit), and nothing is written before "
    "you have mended it or said --drop. Formats: docs/DATA.md.",
)

_STYLES = {"drop": "bold red", "warn": "yellow", "note": "dim"}

Out = Annotated[
    Path,
    typer.Option(help="Folder to write, as data/own/README.md describes it. The stages read "
                 "data/own alone."),
]  # fmt: skip
Params = Annotated[
    Path,
    typer.Option("--params", help="Its switch `dataset` is set to own where data/own beside it is "
                 "written; comments stay."),
]  # fmt: skip
Drop = Annotated[bool, typer.Option("--drop", help="Go on without what the audit marks as drop.")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Put it in the place of what is there. Nothing that is read "
                 "from there is lost."),
]  # fmt: skip
Copy = Annotated[
    bool, typer.Option("--copy", help="Copy the films. Default: hard links, which take no room.")
]
IdBase = Annotated[
    int | None,
    typer.Option(min=0, max=1, help="Number of the first class where actions are numbers of "
                 "RHAS133. Default: what the numbers show, an error where they fit both."),
]  # fmt: skip
Map = Annotated[
    Path | None,
    typer.Option("--label-map", exists=True, dir_okay=False,
                 help="Table from,to: foreign action, and class of RHAS133 or nothing to leave it "
                 "out."),
]  # fmt: skip
Labels = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False,
                 help="Label list that gives action numbers their names: AVA's .pbtxt or a table "
                 "id,name."),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print the audit as JSON.")]


@app.command("films")
def films(
    folder: Annotated[
        Path, typer.Argument(help="Films, or a folder with films/.", show_default=False)
    ],
    references: Annotated[
        Path | None,
        typer.Option(
            help="Table movie, person, reference and, at will, subset. Default: "
            "FOLDER/references.csv."
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="Table movie, person, action, start_s, end_s; or start_frame, end_frame "
                     "with --fps. Default: FOLDER/annotations.csv, where it exists."),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.01, help="Frames per second that frame numbers count.")
    ] = None,
    offset: Annotated[
        float, typer.Option(help="Seconds to take off every time: the moment a film begins at.")
    ] = 0.0,
    id_base: IdBase = None,
    label_map: Map = None,
    labels: Labels = None,
    out: Out = Path("data/own"),
    params: Params = Path("params.yaml"),
    copy: Copy = False,
    drop: Drop = False,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """A folder of films with a sentence per person and, for training, annotations.

    Example: rhas import films ~/harbour --fps 25 --label-map names.csv

    Exit status: 0 imported, 1 stopped (see the audit).
    """
    from rhas.data.foreign_tables import Clock, read_foreign_annotations

    references = references or folder / "references.csv"
    default = folder / "annotations.csv"
    annotations = annotations or (default if default.is_file() else None)
    clock = Clock(fps, offset)

    def rows(audit: Any) -> Any:
        return read_foreign_annotations(annotations, clock, audit) if annotations else []

    settings = {"kind": "films", "films": folder, "references": references,
                "annotations": annotations, "fps": fps, "offset": offset, "id_base": id_base,
                "label_map": label_map, "labels": labels}  # fmt: skip
    _run(settings, rows, clock, out, params, copy, drop, replace, as_json)


@app.command("ava")
def ava(
    annotations: Annotated[
        Path,
        typer.Argument(help="AVA's table: movie, moment, x1, y1, x2, y2, action, person.",
                       show_default=False),
    ],
    films: Annotated[Path, typer.Option(help="Films, or a folder with films/.")],
    references: Annotated[
        Path, typer.Option(help="Table movie, person, reference and, at will, subset.")
    ],
    times: Annotated[
        Literal["seconds", "frames"], typer.Option(help="Unit of the moments.")
    ] = "seconds",
    fps: Annotated[
        float | None, typer.Option(min=0.01, help="Frames per second, for --times frames.")
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(min=0.001, help="From one key moment to the next. Default: 1 s, or 1 frame."),
    ] = None,
    offset: Annotated[
        float, typer.Option(help="Seconds to take off every time: 900 where films are cut to "
                            "AVA's fifteen minutes.")
    ] = 0.0,
    excluded: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Table movie, moment: lines to leave out."),
    ] = None,
    id_base: IdBase = None,
    label_map: Map = None,
    labels: Labels = None,
    out: Out = Path("data/own"),
    params: Params = Path("params.yaml"),
    copy: Copy = False,
    drop: Drop = False,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Films with annotations in AVA's format, the one RHAS133 follows.

    A key moment stands for the time around it; neighbouring ones of one person and action become
    an interval. Boxes are checked and not used: grounding finds the persons.

    Exit status: 0 imported, 1 stopped (see the audit).
    """
    from rhas.data.ava import read_ava, read_excluded_moments
    from rhas.data.foreign_tables import Clock

    if (times == "frames") != (fps is not None):
        raise RhasError(
            "--times frames and --fps go together",
            do="give both where moments are frame numbers, neither where they are seconds",
        )
    clock = Clock(fps, offset)
    left_out = read_excluded_moments(excluded) if excluded else set()

    def rows(audit: Any) -> Any:
        return read_ava(annotations, clock, step or 1.0, left_out, audit)

    settings = {"kind": "ava", "films": films, "references": references,
                "annotations": annotations, "times": times, "fps": fps, "step": step,
                "offset": offset, "excluded": excluded, "id_base": id_base,
                "label_map": label_map, "labels": labels}  # fmt: skip
    _run(settings, rows, clock, out, params, copy, drop, replace, as_json)


@app.command("rhas133")
def rhas133(
    pickles: Annotated[
        Path,
        typer.Argument(help="Folder of the authors' pickles: actions_train_rhas.pkl, ...",
                       show_default=False),
    ],
    features: Annotated[
        Path,
        typer.Argument(help="Folder that holds RHAS_feature_blipv2, "
                       "RHAS_feature_blipv2_train_grounding_dino, ...", show_default=False),
    ],
    vlm: Annotated[Literal["blip2", "clip"], typer.Option(help="Which features.")] = "blip2",
    protocol: Annotated[
        Literal["cross_movie", "random"], typer.Option(help="Which of the paper's two splits.")
    ] = "cross_movie",
    fps: Annotated[float, typer.Option(min=0.01, help="Frames per second of the features.")] = 15.0,
    id_base: Annotated[
        int, typer.Option(min=0, max=1, help="Number of the first class in the pickles.")
    ] = 0,
    label_map: Map = None,
    out: Annotated[
        Path,
        typer.Option(help="The data folder: raw/ and features/ are written. The stages read data."),
    ] = Path("data"),
    params: Annotated[
        Path,
        typer.Option("--params", help="Its fps, split and vlm are set where data beside it is "
                     "written; comments stay."),
    ] = Path("params.yaml"),
    drop: Drop = False,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """RHAS133 as its authors' code reads it: train without a single film.

    The pickles run nothing: only lists, tuples, dicts, strings, numbers and arrays of numbers are
    read. What is assumed of their form stands in docs/DATA.md. A feature store per sample and the
    tables are written; the stages before chunk are not needed then:
    dvc repro --single-item chunk train evaluate

    Exit status: 0 imported, 1 stopped (see the audit).
    """
    from rhas.data.audit import Audit
    from rhas.data.labels import read_label_map
    from rhas.data.params_file import set_params
    from rhas.data.raw import write_raw_tables
    from rhas.data.rhas133 import find_sources, write_samples
    from rhas.data.user_folder import remove_new_folders_on_failure
    from rhas.engine.stage import new_folder
    from rhas.stores.manifest import Manifest

    stores, raw = out / "features" / vlm, out / "raw"
    _check_outside([path for path in (pickles, features, label_map) if path], (stores, raw))
    there = [str(folder) for folder in (stores, raw) if folder.is_dir() and any(folder.iterdir())]
    if there and not replace:
        raise RhasError(
            "there are data already",
            where=", ".join(there),
            do="give --replace; what DVC has recorded comes back with `dvc checkout --force`",
        )
    switches: Any = {"fps": _whole(fps), "split": "cross_movie", "vlm": vlm}
    in_place = _in_project(out, "data", params, switches)
    audit = Audit()
    report = out / "import.json"
    labels = read_label_map(label_map, None)
    sources = find_sources(pickles, features, vlm, protocol, audit)
    settings = {"kind": "rhas133", "pickles": str(pickles), "features": str(features), "vlm": vlm,
                "protocol": protocol, "fps": fps, "id_base": id_base,
                "label_map": _plain(label_map)}  # fmt: skip
    goes_on = False
    folders = remove_new_folders_on_failure(stores.parent), new_folder(stores), new_folder(raw)
    with contextlib.suppress(_Stopped), folders[0], folders[1] as folder, folders[2] as tables:
        with progress_bar("samples") as tell:
            films, annotations = write_samples(
                sources, labels, id_base, fps, vlm, folder, audit, tell
            )
        goes_on = bool(films) and (drop or not audit.stops)
        if not goes_on:
            raise _Stopped
        write_raw_tables(Manifest("rhas133", tuple(films)), annotations, tables)
    changed: dict[str, Any] = {}
    if goes_on:
        for name in ("frames", "boxes", "tracks"):  # evaluate depends on them, with a film or not
            (out / name).mkdir(exist_ok=True)
        changed = set_params(params, switches) if in_place else {}
    audit.write(report, settings, goes_on)
    if as_json:
        print(report.read_text("utf-8"), end="")
    else:
        show_audit(audit, report)
        if goes_on:
            counts = audit.counts
            shown = f"{counts['samples']} samples, {counts['annotations']} annotations"
            print(f"{shown} of {counts['classes']} classes, D {counts['D']}, in {stores} and {raw}")
            if in_place:
                _tell_params(params, changed)
                print("next: `dvc repro --single-item chunk train evaluate`")
            else:
                wanted = ", ".join(f"{name}: {value}" for name, value in switches.items())
                print(f"the stages read data/: move what is in {out} there, and set {wanted} in "
                      "params.yaml")  # fmt: skip
        else:
            _tell_stopped(bool(audit.counts.get("samples")))
    raise typer.Exit(0 if goes_on else 1)


def _check_outside(sources: Sequence[Path], written: Sequence[Path]) -> None:
    """Raises RhasError where one of ``sources`` lies in a folder that is written anew."""
    for source, folder in product(sources, written):
        if source.resolve().is_relative_to(folder.resolve()):
            raise RhasError(
                "the import would delete what it reads",
                where=str(source),
                got=f"it lies in {folder}, which is written anew",
                do="move it to another folder, or give another --out",
            )


class _Stopped(Exception):
    """Nothing is to be written."""


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def _run(
    settings: dict[str, Any], rows: Any, clock: Any, out: Path, params: Path,
    copy: bool, drop: bool, replace: bool, as_json: bool,
) -> None:  # fmt: skip
    from rhas.data.audit import Audit
    from rhas.data.films import find_films, report_other_suffixes
    from rhas.data.foreign_tables import read_foreign_references
    from rhas.data.labels import read_label_map
    from rhas.data.matching import match_tables
    from rhas.data.params_file import set_params
    from rhas.data.user_folder import check_free, check_none_lost, write_user_films

    check_free(out, replace)
    switches = {"dataset": "own"}
    in_place = _in_project(out, "data/own", params, switches)
    audit = Audit()
    labels = read_label_map(settings["label_map"], settings["labels"])
    files = find_films(settings["films"])
    report_other_suffixes(settings["films"], audit)
    sentences = read_foreign_references(settings["references"], audit)
    kept = match_tables(
        files, sentences, rows(audit), labels, settings["id_base"], clock, audit
    )  # fmt: skip
    goes_on = bool(kept.files) and (drop or not audit.stops)
    if goes_on:
        check_none_lost(files.values(), kept.files.values(), out)
        read = [value for value in settings.values() if isinstance(value, Path)]
        for path, former in write_user_films(kept, out, copy, read):
            audit.add("table replaced", f"{path}: kept as {former.name}")
    report = out / "import.json"
    audit.write(report, {k: _plain(v) for k, v in settings.items()}, goes_on)
    changed = set_params(params, switches) if goes_on and in_place else {}
    if as_json:
        print(report.read_text("utf-8"), end="")
    else:
        show_audit(audit, report)
        if goes_on:
            _tell_written(audit.counts, out)
            if in_place:
                _tell_params(params, changed)
                end = "`dvc repro`" if audit.counts["annotations"] else (
                    "`dvc repro extract`: features only"
                )  # fmt: skip
                print(f"next: `rhas check`, then {end}")
            else:
                print(f"the stages read data/own: `rhas import films {shlex.quote(str(out))}` "
                      "brings it there")  # fmt: skip
        else:
            _tell_stopped(bool(kept.files))
    raise typer.Exit(0 if goes_on else 1)


def show_audit(audit: Any, report: Path) -> None:
    """The findings as a table, one example each."""
    rows = list(audit.rows())
    if not rows:
        console().print("audit: nothing odd")
        return
    table = Table(title=f"Audit; every place in {report}", title_justify="left")
    table.add_column("")
    table.add_column("finding")
    table.add_column("how many", justify="right")
    table.add_column("the first", overflow="fold")
    table.add_column("consequence")
    for level, name, count, first, done in rows:
        table.add_row(Text(level, style=_STYLES[level]), name, f"{count:,}", Text(first), done)
    console().print(table)


def _in_project(out: Path, place: str, params: Path, switches: dict[str, Any]) -> bool:
    """Whether ``out`` is the folder that the stages beside ``params`` read.

    Raises:
        RhasError: it is, or would be, and the switches of ``params`` cannot be set.
    """
    from rhas.data.params_file import change_params_text

    if out.resolve() != (params.resolve().parent / place).resolve():
        return False
    change_params_text(params, switches)
    return True


def _tell_written(counts: dict[str, int], out: Path) -> None:
    shown = ", ".join(f"{counts[name]} {name}" for name in ("films", "persons", "annotations"))
    print(f"{shown} of {counts['classes']} classes in {out}")


def _tell_params(params: Path, changed: dict[str, Any]) -> None:
    for name, (old, new) in changed.items():
        print(f"{params}: {name} was {old}, is {new}")


def _tell_stopped(something: bool) -> None:
    if something:
        print(
            "stopped, nothing is written: mend what is marked drop, or give --drop to go on without"
        )
    else:
        print("stopped, nothing is written: no film with a reference is left")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
