"""data/raw/manifest.json: which films, persons and references there are."""

from __future__ import annotations

import csv
import difflib
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rhas.base.classes import CLASS_ID
from rhas.base.errors import RhasError
from rhas.base.files import write_csv, write_json

SUBSETS = ("train", "val", "test")


@dataclass(frozen=True)
class Film:
    """One film: its file relative to the folder of the manifest, SHA-256, references by person.

    ``subset`` fixes the side of the cross-movie split (train, val, test); None leaves it to chunk.
    """

    movie: str
    file: str
    sha256: str
    references: tuple[str, ...]
    subset: str | None = None

    def __post_init__(self) -> None:
        if self.subset is not None and self.subset not in SUBSETS:
            raise RhasError(
                "unknown subset",
                where=f"manifest, movie {self.movie}",
                expected=", ".join(SUBSETS),
                got=self.subset,
            )
        object.__setattr__(self, "references", tuple(self.references))


@dataclass(frozen=True)
class Manifest:
    """The films of a data set, in order; ``truth`` says that true boxes lie in ``truth/``."""

    dataset: str
    films: tuple[Film, ...]
    truth: bool = False

    def write(self, folder: Path) -> None:
        write_json(folder / "manifest.json", asdict(self), sort_keys=False)

    @staticmethod
    def read(folder: Path) -> Manifest:
        path = folder / "manifest.json"
        if not path.is_file():
            raise RhasError("no manifest", where=str(path), do="run `dvc repro prepare` first")
        values = json.loads(path.read_text("utf-8"))
        films = tuple(Film(**film) for film in values.pop("films"))
        return Manifest(films=films, **values)


@dataclass(frozen=True)
class TimedAction:
    """One row of annotations.csv; seconds from the film's first picture, end exclusive."""

    movie: str
    person: int
    action: str
    start_s: float
    end_s: float


def write_annotations(folder: Path, rows: list[TimedAction]) -> None:
    """annotations.csv, times to the millisecond."""
    lines = [[r.movie, r.person, r.action, f"{r.start_s:.3f}", f"{r.end_s:.3f}"] for r in rows]
    header = ["movie", "person", "action", "start_s", "end_s"]
    write_csv(folder / "annotations.csv", header, lines)


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and values by column of each line of a table (CSV, UTF-8, with a header).

    Args:
        path: exists.
        columns: those that must be there; others may be.

    Raises:
        RhasError: not UTF-8, empty, a header without some column, a line of another length, a
            quote that is not closed on its line.
    """
    expected = ",".join(columns)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RhasError(
            "the table is not UTF-8",
            where=str(path),
            got=f"byte 0x{error.object[error.start]:02x} at offset {error.start}",
            do="save it as CSV in UTF-8",
        ) from error
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.DictReader(lines, skipinitialspace=True, strict=True)
    if not _header(reader, lines, path):
        raise RhasError(
            "the table is empty", where=str(path), expected=f"a header: {expected}",
            do="see data/own/README.md",
        )  # fmt: skip
    reader.fieldnames = [name.strip() for name in _header(reader, lines, path)]
    if any(name not in reader.fieldnames for name in columns):
        header = lines[0].strip()
        other = ";" in header or "\t" in header
        raise RhasError(
            "the header lacks columns",
            where=f"{path}:1",
            expected=expected,
            got=header,
            do="separate the columns by commas" if other else "make it the first line",
        )
    for line, row in _whole_lines(reader, lines, path):
        if None in row or None in row.values():
            raise RhasError(
                "malformed line",
                where=f"{path}:{line}",
                expected=f"{len(reader.fieldnames)} values: {','.join(reader.fieldnames)}",
                got=lines[line - 1].strip(),
                do="put a value that holds a comma into double quotes",
            )
        yield line, row


def _header(reader: csv.DictReader[str], lines: Sequence[str], path: Path) -> Sequence[str]:
    try:
        return reader.fieldnames or ()
    except csv.Error as error:
        raise _quote(lines, 1, path) from error


def _whole_lines(
    reader: csv.DictReader[str], lines: Sequence[str], path: Path
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows and their line numbers; one that goes on over lines would swallow those behind it."""
    while True:
        line = reader.line_num + 1
        while line <= len(lines) and not lines[line - 1].strip("\r\n"):
            line += 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _quote(lines, line, path) from error
        if row is None:
            return
        if reader.line_num > line:
            raise _quote(lines, line, path)
        yield line, row


def _quote(lines: Sequence[str], line: int, path: Path) -> RhasError:
    return RhasError(
        "a double quote that opens or closes nothing",
        where=f"{path}:{line}",
        got=lines[line - 1].strip()[:80],
        do='close it on its line, and write one inside a value twice: "the ""red"" coat"',
    )


def read_annotations(folder: Path) -> list[TimedAction]:
    """Rows of annotations.csv; none where the file is absent (films to be segmented only).

    Raises:
        RhasError: an unknown class or an interval that does not end after its start, with its line.
    """
    path = folder / "annotations.csv"
    if not path.is_file():
        return []
    rows = []
    for line, row in read_rows(path, ("movie", "person", "action", "start_s", "end_s")):
        where = f"{path}:{line}"
        try:
            action = TimedAction(
                row["movie"].strip(),
                int(row["person"]),
                row["action"].strip(),
                float(row["start_s"]),
                float(row["end_s"]),
            )
        except ValueError as error:
            raise RhasError(
                "malformed annotation",
                where=where,
                got=",".join(row.values()),
                expected="a name, a number, a class, two times in seconds",
                do="correct the line",
            ) from error
        if action.action not in CLASS_ID:
            near = difflib.get_close_matches(action.action, CLASS_ID, n=1)
            raise RhasError(
                "unknown action class",
                where=where,
                got=action.action,
                expected="a name of src/rhas/base/classes.txt",
                do=f"did you mean '{near[0]}'?" if near else "choose one, or remove the line",
            )
        start_s, end_s = round(action.start_s, 3), round(action.end_s, 3)
        if not 0 <= action.start_s or not start_s < end_s < math.inf:
            raise RhasError(
                "an interval must end after its start, from 0 on, by a millisecond or more",
                where=where,
                got=f"{row['start_s']} to {row['end_s']}",
            )
        rows.append(action)
    return rows
