"""What `rhas import` does: match, audit, write, set the project's parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from rhas.base.classes import RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.config.decode import DecodeConfig
from rhas.config.params import read_yaml
from rhas.config.section import read_section
from rhas.data.actions import FilmFrames
from rhas.data.additions import join_films, leave_out_present, read_present
from rhas.data.audit import Audit
from rhas.data.ava import read_ava, read_ava_boxes, read_excluded_moments
from rhas.data.drawn_table import BOXES, read_drawn_table
from rhas.data.films import find_films, report_other_suffixes, resolve_name
from rhas.data.foreign_tables import (
    Clock,
    ForeignAnnotation,
    ForeignReference,
    read_foreign_annotations,
    read_foreign_references,
)
from rhas.data.formats import FORMATS
from rhas.data.formats.found import (
    FilmCatalogue,
    ForeignBoxes,
    ForeignTables,
    FoundActions,
    number_persons,
)
from rhas.data.labels import read_label_map
from rhas.data.leaks import describe_sides, find_shared_pictures, may_differ
from rhas.data.matching import match_tables
from rhas.data.params_file import Switches, change_params_text, set_params
from rhas.data.review import (
    ReviewRow,
    find_common_classes,
    find_corrections,
    list_review,
    read_review,
    read_review_rows,
)
from rhas.data.tables import parse_digits
from rhas.data.user_films import UserFilms, measure_films
from rhas.data.user_folder import check_free, check_none_lost, import_alone, write_user_films
from rhas.decode.container import inspect_once
from rhas.stores.classes import read_classes
from rhas.stores.corrections import Corrections


@dataclass(frozen=True)
class ImportTarget:
    """Where an import writes.

    Args:
        out: the folder.
        project_folder: the folder that the stages read, relative to that of ``params``.
        params: params.yaml of the project.
        switches: what to set in it where ``out`` is the project's folder.
        drop: write even if the audit has findings that lose something.
        replace: put the new data in the place of what is there.
        add: put the new films beside those that are there.
    """

    out: Path
    project_folder: str
    params: Path
    switches: Switches
    drop: bool
    replace: bool
    add: bool = False

    @property
    def in_project(self) -> bool:
        """Whether the stages beside ``params`` read ``out``."""
        project = self.params.resolve().parent / self.project_folder
        return self.out.resolve() == project.resolve()

    def add_switches(self, switches: Switches) -> ImportTarget:
        """With more to set, checked as `check_params` does."""
        target = replace(self, switches={**self.switches, **switches})
        target.check_params()
        return target

    def check_params(self) -> None:
        """Raises RhasError where switches of the project have to be set and cannot be."""
        if self.in_project:
            change_params_text(self.params, self.switches)

    def read_decode_config(self) -> DecodeConfig:
        """Parameters of decode in the project that reads ``out``; else the usual ones."""
        if not self.in_project:
            return DecodeConfig()
        return read_section(DecodeConfig, {DecodeConfig.section: {}, **read_yaml(self.params)})

    def read_rate(self) -> float:
        """Working rate, frames per second: of ``params`` where there is such a file, after the
        switches are set; else the usual one.

        Raises:
            RhasError: it is no rate, or the file cannot be read.
        """
        values = read_yaml(self.params) if self.params.is_file() else {}
        if self.in_project and "fps" in self.switches:
            values["fps"] = self.switches["fps"]
        return read_section(DecodeConfig, {DecodeConfig.section: {}, **values}).fps

    def finish(self, audit: Audit, request: ImportRequest, written: bool) -> ImportResult:
        """Writes the audit, and sets the switches of the project where data are written to it."""
        report = self.out / "import.json"
        audit.write(report, request.settings(), written)
        set_now = written and self.in_project
        changed = set_params(self.params, self.switches) if set_now else {}
        return ImportResult(audit, report, written, changed)


@dataclass(frozen=True)
class ImportResult:
    """The outcome of an import.

    Args:
        audit: its findings and counts.
        report: the file that lists them.
        written: whether anything but that file is written.
        changed: old and new value of parameters that were set.
    """

    audit: Audit
    report: Path
    written: bool
    changed: Mapping[str, tuple[Any, Any]]


class ImportRequest:
    """What to import; a frozen dataclass with a ``kind``."""

    kind: ClassVar[str]

    def settings(self) -> dict[str, Any]:
        """The kind and all fields, for the report."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        plain = {
            n: str(v) if isinstance(v, Path) else list(map(str, v)) if isinstance(v, tuple) else v
            for n, v in values.items()
        }
        return {"kind": self.kind, **plain}


@dataclass(frozen=True)
class FilmsImport(ImportRequest):
    """A folder of films with tables.

    Args:
        films: the folder.
        references: table ``movie, person, reference`` and optionally ``subset``.
        annotations: table of annotations; None for films without.
        fps: rate that frame numbers count at; None where times are seconds.
        offset: seconds to subtract from every time.
        id_base: number of the first class, where given.
        label_map: table ``from,to`` of actions.
        labels: label list that gives numbers their names.
        classes: list of the data set's classes; None: those of RHAS133.
    """

    kind = "films"

    films: Path
    references: Path | None
    annotations: Path | None
    fps: float | None = None
    offset: float = 0.0
    id_base: int | None = None
    label_map: Path | None = None
    labels: Path | None = None
    classes: Path | None = None

    @property
    def clock(self) -> Clock:
        """How the table's times become seconds."""
        return Clock(self.fps, self.offset)

    def read_tables(self, files: Mapping[str, Path], audit: Audit) -> ForeignTables:
        """What is found.

        Args:
            files: film by movie.
        """
        assert self.references is not None
        references = read_foreign_references(self.references, audit)
        boxes = self.read_boxes(files, references, audit)
        return ForeignTables(references, self.read_annotations(audit), boxes)

    def read_boxes(
        self, files: Mapping[str, Path], references: Sequence[ForeignReference], audit: Audit
    ) -> list[ForeignBoxes]:
        """Drawn tracks: of boxes.csv beside the sentences, where there is one."""
        assert self.references is not None
        folder = self.references.parent
        persons: dict[str, set[int]] = defaultdict(set)
        for row in references:
            if (number := parse_digits(row.person)) is not None:
                persons[row.movie].add(number)
        drawn = read_drawn_table(folder, persons, measure_films(files))
        where = str(folder / BOXES)
        return [ForeignBoxes(where, m, str(p), track) for (m, p), track in drawn.items()]

    def read_class_list(self) -> ClassList:
        """The classes of the data set."""
        return RHAS133 if self.classes is None else read_classes(self.classes)

    def read_annotations(self, audit: Audit) -> list[ForeignAnnotation]:
        """Annotations as found; none without a table."""
        if self.annotations is None:
            return []
        return read_foreign_annotations(self.annotations, self.clock, audit)

    def list_more(self, retained: UserFilms) -> list[ReviewRow]:
        """Rows of review.csv; none but where films were corrected."""
        return []

    def files_read(self) -> list[Path]:
        """Tables and folders that the import reads."""
        return [value for f in fields(self) if isinstance(value := getattr(self, f.name), Path)]


@dataclass(frozen=True)
class AvaImport(FilmsImport):
    """Films with annotations in AVA's format.

    Args:
        times: unit of the moments.
        step: from one key moment to the next, in that unit; None: 1.
        excluded: table ``movie, moment`` of lines to leave out.

    Raises:
        RhasError: a rate without frame numbers, or frame numbers without a rate.
    """

    kind = "ava"

    times: Literal["seconds", "frames"] = "seconds"
    step: float | None = None
    excluded: Path | None = None

    def __post_init__(self) -> None:
        if (self.times == "frames") != (self.fps is not None):
            raise RhasError(
                "--times frames and --fps go together",
                do="give both where moments are frame numbers, neither where they are seconds",
            )

    def read_annotations(self, audit: Audit) -> list[ForeignAnnotation]:
        """Annotations as found."""
        assert self.annotations is not None
        excluded = read_excluded_moments(self.excluded) if self.excluded else {}
        return read_ava(self.annotations, self.clock, self.step or 1.0, excluded, audit)

    def read_boxes(
        self, files: Mapping[str, Path], references: Sequence[ForeignReference], audit: Audit
    ) -> list[ForeignBoxes]:
        """The boxes of the table."""
        assert self.annotations is not None
        excluded = read_excluded_moments(self.excluded) if self.excluded else {}
        return read_ava_boxes(
            self.annotations, self.clock, self.step or 1.0, excluded, measure_films(files), audit
        )


@dataclass(frozen=True)
class LabelImport(FilmsImport):
    """Films with files of a labelling tool.

    Args:
        format: name of the format (`rhas.data.formats.FORMATS`).
        labelled: the files, or folders of them.
        rate: working rate, frames per second.
        references: None: the sentences of the files.

    Raises:
        RhasError: no file, or no file of the format in a folder.
    """

    kind = "labels"

    format: str = ""
    labelled: tuple[Path, ...] = ()
    rate: float = 15.0

    def read_tables(self, files: Mapping[str, Path], audit: Audit) -> ForeignTables:
        """What all files contain."""
        read = FORMATS[self.format].read
        assert read is not None
        catalogue = FilmCatalogue(_describe_films(files, self.rate), audit)
        found = FoundActions()
        for path in self._list_files():
            found.extend(read(path, catalogue))
        table = read_foreign_references(self.references, audit) if self.references else []
        tables = number_persons(found, table, audit)
        _report_persons(found, tables.references, self.references is not None, audit)
        shifted = [
            replace(a, start_s=a.start_s - self.offset, end_s=a.end_s - self.offset)
            for a in tables.annotations
        ]
        boxes = [replace(b, track=b.track.retime(lambda t: t - self.offset)) for b in tables.boxes]
        return ForeignTables(tables.references, shifted, boxes)

    def files_read(self) -> list[Path]:
        """Tables and folders that the import reads."""
        return [*super().files_read(), *self.labelled]

    def _list_files(self) -> list[Path]:
        """The files; of folders those with an ending of the format, by name."""
        suffixes = FORMATS[self.format].suffixes
        listed = []
        for path in self.labelled:
            inside = (
                sorted(p for p in path.iterdir() if p.suffix.lower() in suffixes)
                if path.is_dir()
                else [path]
            )
            if not inside:
                raise RhasError(
                    "no file of the format", where=str(path), expected=" or ".join(suffixes)
                )
            listed += inside
        return listed


@dataclass(frozen=True)
class ReviewImport(FilmsImport):
    """Films with what was corrected in the page of `rhas segment`.

    Args:
        reviewed: folders that `rhas review` saved into, or saved files.
        everybody: persons who are not marked as checked, too.
        rate: working rate, frames per second.
    """

    kind = "review"

    reviewed: tuple[Path, ...] = ()
    everybody: bool = False
    rate: float = 15.0

    def read_tables(self, files: Mapping[str, Path], audit: Audit) -> ForeignTables:
        """The persons of the corrected films, what they do, and where they are."""
        return number_persons(self._read(files, audit, self.everybody)[0], [], audit)

    def read_class_list(self) -> ClassList:
        """The classes of the list, or of the models that the films were segmented with."""
        if self.classes is not None:
            return read_classes(self.classes)
        return find_common_classes(find_corrections(self.reviewed))

    def list_more(self, retained: UserFilms) -> list[ReviewRow]:
        """What was predicted, corrected, added and removed."""
        _, known = self._read(retained.files, Audit(), True)
        return list_review(known, retained.references)

    def _read(
        self, files: Mapping[str, Path], audit: Audit, everybody: bool
    ) -> tuple[FoundActions, dict[str, Corrections]]:
        catalogue = FilmCatalogue(_describe_films(files, self.rate), audit)
        return read_review(find_corrections(self.reviewed), catalogue, files, everybody)


def _describe_films(files: Mapping[str, Path], rate: float) -> dict[str, FilmFrames]:
    """The frames of all films that can be read; `match_tables` reports the others."""
    found = {}
    for movie, path in files.items():
        try:
            found[movie] = FilmFrames.of_film(movie, inspect_once(path), rate)
        except RhasError:
            continue
    return found


def _report_persons(
    found: FoundActions, references: Sequence[ForeignReference], listed: bool, audit: Audit
) -> None:
    """Findings of persons with boxes, and of persons without an action whom no table names."""
    acting = {(a.movie, a.person) for a in found.annotations}
    movies = {person.movie for person in found.persons}
    known = {
        (resolve_name(row.movie, movies), name)
        for row in references
        for name in (row.person, row.text.strip())
    }
    for person in found.persons:
        if (boxes := person.boxes) is not None:
            count = int(np.isfinite(boxes).all(1).sum())
            audit.add("boxes of persons", f"{person.where}: {count} of {len(boxes)} frames")
        names = {(person.movie, person.key), (person.movie, person.sentence.strip())}
        if listed and not names & (known | acting):
            audit.add("person without reference", f"{person.where}: {person.key}")


def import_films(request: FilmsImport, target: ImportTarget, copy: bool) -> ImportResult:
    """Films and tables to the form of data/own; waits for another import into the same folder.

    Args:
        copy: copy the films instead of linking them.

    Raises:
        RhasError: data are there already, parameters that cannot be set, a table or folder that
            cannot be read, films that would be deleted.
    """
    with import_alone(target.out):
        return _import_films(request, target, copy)


def _import_films(request: FilmsImport, target: ImportTarget, copy: bool) -> ImportResult:
    check_free(target.out, target.replace or target.add)
    target.check_params()
    present = read_present(target.out) if target.add else UserFilms({}, {}, {}, [])
    audit = Audit()
    labels = read_label_map(request.label_map, request.labels, request.read_class_list())
    files = find_films(request.films)
    report_other_suffixes(request.films, audit)
    tables = request.read_tables(files, audit)
    files = leave_out_present(files, present, tables.references)
    found = match_tables(
        files, tables.references, tables.annotations, labels, request.id_base, request.clock,
        audit, target.read_decode_config(), tables.boxes,
    )  # fmt: skip
    written = bool(found.files) and (target.drop or not audit.stops)
    more = request.list_more(found) if written else []
    more += read_review_rows(target.out, set(present.references).difference(found.references))
    found = join_films(present, found, target.out, audit)
    if target.add:
        audit.counts["films in all"] = len(found.references)
    if found.drawn:
        target = target.add_switches({"ground.backend": "tracks"})
    _report_leaks(found, audit)
    if written:
        check_none_lost(files.values(), found.files.values(), target.out)
        read = request.files_read()
        for path, former in write_user_films(found, target.out, copy, read, more):
            audit.add("table replaced", f"{path}: kept as {former.name}")
    return target.finish(audit, request, written)


def _report_leaks(films: UserFilms, audit: Audit) -> None:
    """Findings of films that show the same, unless they are on one side of the split."""
    infos = {}
    for movie in films.references:
        with suppress(RhasError):  # decode reports what is wrong with a film of before
            infos[movie] = inspect_once(films.files[movie])
    for shared in find_shared_pictures(infos, partial(may_differ, films.subsets)):
        audit.add(
            "films that show the same",
            f"{shared.describe()}; {describe_sides(films.subsets, shared.first, shared.second)}",
        )
