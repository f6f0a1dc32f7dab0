"""What `rhas import` does: match, audit, write, set the project's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from rhas.base.errors import RhasError
from rhas.config.decode import DecodeConfig
from rhas.config.params import read_yaml
from rhas.config.section import read_section
from rhas.data.audit import Audit
from rhas.data.ava import read_ava, read_excluded_moments
from rhas.data.films import find_films, report_other_suffixes
from rhas.data.foreign_tables import (
    Clock,
    ForeignAnnotation,
    read_foreign_annotations,
    read_foreign_references,
)
from rhas.data.labels import read_label_map
from rhas.data.matching import match_tables
from rhas.data.params_file import Switches, change_params_text, set_params
from rhas.data.user_folder import check_free, check_none_lost, write_user_films


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
    """

    out: Path
    project_folder: str
    params: Path
    switches: Switches
    drop: bool
    replace: bool

    @property
    def in_project(self) -> bool:
        """Whether the stages beside ``params`` read ``out``."""
        project = self.params.resolve().parent / self.project_folder
        return self.out.resolve() == project.resolve()

    def check_params(self) -> None:
        """Raises RhasError where switches of the project have to be set and cannot be."""
        if self.in_project:
            change_params_text(self.params, self.switches)

    def read_decode_config(self) -> DecodeConfig:
        """Parameters of decode in the project that reads ``out``; else the usual ones."""
        if not self.in_project:
            return DecodeConfig()
        return read_section(DecodeConfig, read_yaml(self.params))

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
        plain = {n: str(v) if isinstance(v, Path) else v for n, v in values.items()}
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
    """

    kind = "films"

    films: Path
    references: Path
    annotations: Path | None
    fps: float | None = None
    offset: float = 0.0
    id_base: int | None = None
    label_map: Path | None = None
    labels: Path | None = None

    @property
    def clock(self) -> Clock:
        """How the table's times become seconds."""
        return Clock(self.fps, self.offset)

    def read_annotations(self, audit: Audit) -> list[ForeignAnnotation]:
        """Annotations as found; none without a table."""
        if self.annotations is None:
            return []
        return read_foreign_annotations(self.annotations, self.clock, audit)

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
        excluded = read_excluded_moments(self.excluded) if self.excluded else set()
        return read_ava(self.annotations, self.clock, self.step or 1.0, excluded, audit)


def import_films(request: FilmsImport, target: ImportTarget, copy: bool) -> ImportResult:
    """Films and tables to the form of data/own.

    Args:
        copy: copy the films instead of linking them.

    Raises:
        RhasError: data are there already, parameters that cannot be set, a table or folder that
            cannot be read, films that would be deleted.
    """
    check_free(target.out, target.replace)
    target.check_params()
    audit = Audit()
    labels = read_label_map(request.label_map, request.labels)
    files = find_films(request.films)
    report_other_suffixes(request.films, audit)
    references = read_foreign_references(request.references, audit)
    annotations = request.read_annotations(audit)
    found = match_tables(
        files, references, annotations, labels, request.id_base, request.clock, audit,
        target.read_decode_config(),
    )  # fmt: skip
    written = bool(found.files) and (target.drop or not audit.stops)
    if written:
        check_none_lost(files.values(), found.files.values(), target.out)
        for path, former in write_user_films(found, target.out, copy, request.files_read()):
            audit.add("table replaced", f"{path}: kept as {former.name}")
    return target.finish(audit, request, written)
