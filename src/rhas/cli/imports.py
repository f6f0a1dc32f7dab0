"""``rhas import``: films, annotations and features of others."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from rhas.base.console import print_text
from rhas.base.errors import RhasError
from rhas.cli.numbers import check_finite
from rhas.cli.output import Column, print_table, progress_bar
from rhas.config.profiles import PROFILES, read_profile

if TYPE_CHECKING:  # takes a second to import
    from rhas.data.audit import Audit
    from rhas.data.imports import FilmsImport, ImportResult, ImportTarget

app = typer.Typer(
    help="Import films, annotations and features of others.\n\n"
    "Begin with `films`: a folder of films, a table of sentences and, for training, one of "
    "annotations. `ava` and the labelling tools' names read annotations in another form, "
    "`rhas133` the published data set. `rhas import films --help` describes the options.\n\n"
    "An audit lists what does not fit, with file and line. Nothing is written until you have "
    "corrected it or given --drop. Formats: docs/DATA.md.",
)

_STYLES = {"drop": "bold red", "warn": "yellow", "note": "dim"}

References = Annotated[
    Path, typer.Option(help="Table movie, person, reference and optionally subset.")
]
Fps = Annotated[
    float | None,
    typer.Option(min=0.01, max=1000, callback=check_finite,
                 help="Frames per second that frame numbers count."),
]  # fmt: skip
Offset = Annotated[
    float,
    typer.Option(callback=check_finite,
                 help="Seconds to subtract from every time: the moment at which a film begins. "
                 "900 where films are cut to AVA's fifteen minutes."),
]  # fmt: skip
Out = Annotated[
    Path,
    typer.Option(help="Folder to write, as data/own/README.md describes it. The stages read "
                 "data/own alone."),
]  # fmt: skip
Params = Annotated[
    Path,
    typer.Option("--params", help="Parameters of the project: `dataset` is set to own where "
                 "data/own beside this file is written. Comments are kept."),
]  # fmt: skip
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", metavar="|".join(PROFILES),
                 help="Set the parameters of this profile too (`rhas profile`)."),
]  # fmt: skip
Drop = Annotated[bool, typer.Option("--drop", help="Leave out what the audit marks as drop.")]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Replace the data in the output folder. Nothing that the "
                 "import reads from there is lost."),
]  # fmt: skip
Add = Annotated[
    bool,
    typer.Option("--add", help="Keep the films in the output folder and add the new ones; a film "
                 "that is in both is the new one."),
]  # fmt: skip
Copy = Annotated[
    bool, typer.Option("--copy", help="Copy the films. Default: hard links, which take no space.")
]
IdBase = Annotated[
    int | None,
    typer.Option(min=0, max=1, help="Number of the first class where actions are numbers of "
                 "RHAS133. Default: found from the numbers, an error where both fit."),
]  # fmt: skip
Map = Annotated[
    Path | None,
    typer.Option("--label-map", exists=True, dir_okay=False,
                 help="Table from,to: a foreign action, and a class or nothing to leave "
                 "it out."),
]  # fmt: skip
Labels = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False,
                 help="Label list that gives action numbers their names: AVA's .pbtxt or a table "
                 "id,name."),
]  # fmt: skip
LabelFiles = Annotated[
    list[Path],
    typer.Argument(exists=True, help="Files of the tool, or a folder of them.", show_default=False),
]
LabelledFilms = Annotated[
    Path, typer.Option("--films", exists=True, help="Films, or a folder with films/.")
]
PersonTable = Annotated[
    Path | None,
    typer.Option("--references", exists=True, dir_okay=False,
                 help="Table movie, person, reference and optionally subset. Persons are matched "
                 "by number or sentence. Default: the files' own sentences."),
]  # fmt: skip
Classes = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False,
                 help="The data set's own classes: a text file, a name per line. Default: those of "
                 "RHAS133."),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print the audit as JSON.")]


@app.command("films")
def import_films(
    folder: Annotated[
        Path, typer.Argument(help="Films, or a folder with films/.", show_default=False)
    ],
    references: Annotated[
        Path | None,
        typer.Option(help="Table movie, person, reference and optionally subset. Default: "
                     "FOLDER/references.csv."),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="Table movie, person, action, start_s, end_s; or start_frame, end_frame "
                     "with --fps. Default: FOLDER/annotations.csv, where it exists."),
    ] = None,
    fps: Fps = None,
    offset: Offset = 0.0,
    id_base: IdBase = None,
    label_map: Map = None,
    labels: Labels = None,
    classes: Classes = None,
    out: Out = Path("data/own"),
    params: Params = Path("params.yaml"),
    profile: ProfileName = None,
    copy: Copy = False,
    drop: Drop = False,
    replace: Replace = False,
    add: Add = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """A folder of films with a sentence per person and, for training, annotations.

    Example: rhas import films ~/harbour --fps 25 --label-map names.csv

    Exit status: 0 imported, 1 stopped (see the audit).
    """
    from rhas.data.imports import FilmsImport

    references = references or folder / "references.csv"
    default = folder / "annotations.csv"
    annotations = annotations or (default if default.is_file() else None)
    request = FilmsImport(
        folder, references, annotations, fps, offset, id_base, label_map, labels,
        _find_list(classes, folder, out if add else None),
    )  # fmt: skip
    _import_to_own(request, _make_target(out, params, profile, drop, replace, add), copy, as_json)


@app.command("ava")
def import_ava(
    annotations: Annotated[
        Path,
        typer.Argument(help="AVA's table: movie, moment, x1, y1, x2, y2, action, person.",
                       show_default=False),
    ],
    films: Annotated[Path, typer.Option(help="Films, or a folder with films/.")],
    references: References,
    times: Annotated[
        Literal["seconds", "frames"], typer.Option(help="Unit of the moments.")
    ] = "seconds",
    fps: Fps = None,
    step: Annotated[
        float | None,
        typer.Option(min=0.001, callback=check_finite,
                     help="From one key moment to the next. Default: 1 s, or 1 frame."),
    ] = None,
    offset: Offset = 0.0,
    excluded: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Table movie, moment: lines to leave out."),
    ] = None,
    id_base: IdBase = None,
    label_map: Map = None,
    labels: Labels = None,
    classes: Classes = None,
    out: Out = Path("data/own"),
    params: Params = Path("params.yaml"),
    profile: ProfileName = None,
    copy: Copy = False,
    drop: Drop = False,
    replace: Replace = False,
    add: Add = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Films with annotations in AVA's format, which RHAS133 follows.

    Example: rhas import ava ava.csv --films films --references references.csv

    A key moment stands for the time around it; neighbouring ones of one person and action become
    an interval, and their boxes a track (boxes.csv); grounding finds the persons elsewhere.

    Exit status: 0 imported, 1 stopped (see the audit).
    """
    from rhas.data.imports import AvaImport

    request = AvaImport(
        films, references, annotations, fps, offset, id_base, label_map, labels,
        _find_list(classes, films, out if add else None), times, step, excluded,
    )  # fmt: skip
    _import_to_own(request, _make_target(out, params, profile, drop, replace, add), copy, as_json)


@app.command("rhas133")
def import_rhas133(
    pickles: Annotated[
        Path,
        typer.Argument(help="Folder of the authors' pickles: actions_train_rhas.pkl, ...",
                       show_default=False),
    ],
    features: Annotated[
        Path,
        typer.Argument(help="Folder that contains RHAS_feature_blipv2, "
                       "RHAS_feature_blipv2_train_grounding_dino, ...", show_default=False),
    ],
    vlm: Annotated[Literal["blip2", "clip"], typer.Option(help="Which features.")] = "blip2",
    protocol: Annotated[
        Literal["cross_movie", "random"], typer.Option(help="Which of the paper's two splits.")
    ] = "cross_movie",
    fps: Annotated[
        float,
        typer.Option(min=0.01, max=1000, callback=check_finite,
                     help="Frames per second of the features."),
    ] = 15.0,
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
        typer.Option("--params", help="Parameters of the project: fps, split and vlm are set where "
                     "data beside this file is written. Comments are kept."),
    ] = Path("params.yaml"),
    drop: Drop = False,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """RHAS133's annotations and features as its authors' code reads them: no film is needed.

    Example: rhas import rhas133 pickles features --vlm blip2

    The pickles run nothing: only lists, tuples, dicts, strings, numbers and arrays of numbers are
    read. docs/DATA.md says what is assumed of their form. The command writes a feature store per
    sample and the tables; the stages before chunk are not needed then:
    dvc repro --single-item chunk train evaluate

    Exit status: 0 imported, 1 stopped (see the audit).
    """
    from rhas.data.imports import ImportTarget
    from rhas.data.rhas133.imports import Rhas133Import
    from rhas.data.rhas133.imports import import_rhas133 as run

    rate = int(fps) if fps == int(fps) else fps
    switches = {"fps": rate, "split": "cross_movie", "vlm": vlm}
    target = ImportTarget(out, "data", params, switches, drop, replace)
    request = Rhas133Import(pickles, features, vlm, protocol, fps, id_base, label_map)
    with progress_bar("samples") as progress:
        result = run(request, target, progress)
    counts = result.audit.counts
    wanted = ", ".join(f"{name}: {value}" for name, value in switches.items())
    _print_result(
        result, target, as_json,
        summary=f"{counts['samples']} samples, {counts['annotations']} annotations of "
        f"{counts['classes']} classes, D {counts['D']}, in {out / 'features' / vlm} and "
        f"{out / 'raw'}",
        next_step="next: `dvc repro --single-item chunk train evaluate`",
        elsewhere=f"the stages read data/: move what is in {out} there, and set {wanted} in "
        "params.yaml",
    )  # fmt: skip


def _make_label_command(form: str, title: str) -> None:
    """Adds the command that imports files of a labelling tool."""

    def import_labels(
        files: LabelFiles,
        films: LabelledFilms,
        references: PersonTable = None,
        offset: Offset = 0.0,
        id_base: IdBase = None,
        label_map: Map = None,
        labels: Labels = None,
        classes: Classes = None,
        out: Out = Path("data/own"),
        params: Params = Path("params.yaml"),
        profile: ProfileName = None,
        copy: Copy = False,
        drop: Drop = False,
        replace: Replace = False,
        add: Add = False,
        as_json: AsJson = False,
    ) -> None:  # fmt: skip
        from rhas.data.imports import LabelImport

        target = _make_target(out, params, profile, drop, replace, add)
        request = LabelImport(
            films, references, None, None, offset, id_base, label_map, labels,
            _find_list(classes, films, out if add else None), format=form, labelled=tuple(files),
            rate=target.read_rate(),
        )  # fmt: skip
        _import_to_own(request, target, copy, as_json)

    app.command(
        form,
        help=f"Films with persons and actions in files of {title} (docs/FORMATS.md).\n\n"
        f"Example: rhas import {form} labels --films films\n\n"
        "Exit status: 0 imported, 1 stopped (see the audit).",
    )(import_labels)


for _form, _title in (
    ("cvat", "CVAT for video 1.1"),
    ("events", "events, such as BORIS'"),
    ("activitynet", "ActivityNet JSON"),
    ("labelstudio", "Label Studio JSON"),
    ("eaf", "ELAN (.eaf)"),
    ("mot", "MOTChallenge text"),
    ("coco", "COCO video JSON"),
):
    _make_label_command(_form, _title)


@app.command("review")
def import_review(
    reviewed: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", exists=True, show_default=False,
                       help="Folders that `rhas review` saved into, or files that the page saved."),
    ],
    films: LabelledFilms,
    everybody: Annotated[
        bool, typer.Option("--all", help="Take persons who are not marked as checked, too.")
    ] = False,
    label_map: Map = None,
    classes: Classes = None,
    out: Out = Path("data/own"),
    params: Params = Path("params.yaml"),
    profile: ProfileName = None,
    copy: Copy = False,
    drop: Drop = False,
    replace: Replace = False,
    add: Add = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Films with what was corrected in the page of `rhas segment` (docs/REVIEW.md).

    Example: rhas import review film --films films --add

    Writes review.csv beside the tables: what was predicted, corrected, added and removed.

    Exit status: 0 imported, 1 stopped (see the audit).
    """
    from rhas.data.imports import ReviewImport

    target = _make_target(out, params, profile, drop, replace, add)
    request = ReviewImport(
        films, None, None, label_map=label_map,
        classes=_find_list(classes, films, out if add else None), reviewed=tuple(reviewed),
        everybody=everybody, rate=target.read_rate(),
    )  # fmt: skip
    _import_to_own(request, target, copy, as_json)


def _find_list(classes: Path | None, folder: Path, present: Path | None) -> Path | None:
    """The list of classes: the one that is named, or classes.txt in the folder of the films, or in
    the one to which they are added."""
    places = [place / "classes.txt" for place in (folder, present) if place is not None]
    return classes or next((path for path in places if path.is_file()), None)


def _make_target(
    out: Path, params: Path, profile: str | None, drop: bool, replace: bool, add: bool
) -> ImportTarget:
    from rhas.data.imports import ImportTarget

    settings = {} if profile is None else read_profile(profile).settings
    switches = {"dataset": "own", **settings}
    target = ImportTarget(out, "data/own", params, switches, drop, replace, add)
    if add and replace:
        raise RhasError("--add keeps what is there, --replace takes it away", do="give one of them")
    if profile is not None and not target.in_project:
        raise RhasError(
            "a profile is written into the project's parameters, and these data are not its own",
            where="--profile, --out",
            expected=f"--out {params.parent / 'data' / 'own'}, or no --profile",
            got=str(out),
            do=f"leave --profile out; `rhas profile {profile}` writes it",
        )
    return target


def _import_to_own(request: FilmsImport, target: ImportTarget, copy: bool, as_json: bool) -> None:
    from rhas.data.imports import import_films

    out, result = target.out, import_films(request, target, copy)
    counts = result.audit.counts
    found = ", ".join(f"{counts[name]} {name}" for name in ("films", "persons", "annotations"))
    stages = "`dvc repro`" if counts["annotations"] else "`dvc repro extract`: features only"
    _print_result(
        result, target, as_json,
        summary=f"{found} of {counts['classes']} classes "
        + (f"added; {counts['films in all']} films in {out}" if target.add else f"in {out}"),
        next_step=f"next: `rhas check`, then {stages}",
        elsewhere="the stages read data/own: to import it there, run "
        f"`rhas import films {shlex.quote(str(out))}`",
    )  # fmt: skip


def _print_result(
    result: ImportResult, target: ImportTarget, as_json: bool, *,
    summary: str, next_step: str, elsewhere: str,
) -> None:  # fmt: skip
    """Prints the audit and what to do next, and ends the command with its exit status."""
    counts = result.audit.counts
    if as_json:
        print_text(result.report.read_text("utf-8"), end="")
        raise typer.Exit(0 if result.written else 1)
    _print_audit(result.audit, result.report)
    if result.written:
        print_text(summary)
        for name, (old, new) in result.changed.items():
            print_text(f"{target.params}: {name} was {old}, is {new}")
        print_text(next_step if target.in_project else elsewhere)
    elif counts.get("films") or counts.get("samples"):
        print_text(
            "stopped, nothing is written: correct what is marked drop, or give --drop to leave "
            "it out"
        )
        if "unknown class" in result.audit.found:
            print_text(
                "actions of your own words: --classes names a list of them, --label-map renames"
            )
    else:
        print_text("stopped, nothing is written: no film with a reference is left")
    raise typer.Exit(0 if result.written else 1)


def _print_audit(audit: Audit, report: Path) -> None:
    """The findings as a table, one example each."""
    rows = audit.rows()
    if not rows:
        print_text("audit: nothing odd")
        return
    print_table(
        [Column(""), Column("finding"), Column("how many", right=True),
         Column("the first", fold=True), Column("consequence")],
        [[Text(row.level, style=_STYLES[row.level]), row.name, f"{row.count:,}", row.example,
          row.consequence] for row in rows],
        title=f"Audit; every place in {report}",
    )  # fmt: skip
