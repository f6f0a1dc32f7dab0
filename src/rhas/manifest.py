"""data/raw/manifest.json: which films, persons and references there are."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rhas.classes import CLASS_ID
from rhas.errors import RhasError

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
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (folder / "manifest.json").write_text(text + "\n", "utf-8")

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
    with (folder / "annotations.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["movie", "person", "action", "start_s", "end_s"])
        writer.writerows(
            [r.movie, r.person, r.action, f"{r.start_s:.3f}", f"{r.end_s:.3f}"] for r in rows
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
    with path.open(newline="", encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            where = f"{path}:{line}"
            try:
                action = TimedAction(
                    row["movie"],
                    int(row["person"]),
                    row["action"],
                    float(row["start_s"]),
                    float(row["end_s"]),
                )
            except (KeyError, TypeError, ValueError) as error:
                raise RhasError(
                    "malformed annotation",
                    where=where,
                    got=str(dict(row)),
                    expected="movie, person, action, start_s, end_s",
                    do="correct the line",
                ) from error
            if action.action not in CLASS_ID:
                raise RhasError(
                    "unknown action class",
                    where=where,
                    got=action.action,
                    expected="a name of src/rhas/classes.txt",
                )
            if not 0 <= action.start_s < action.end_s:
                raise RhasError(
                    "an interval must end after its start, from 0 on",
                    where=where,
                    got=f"{row['start_s']} to {row['end_s']}",
                )
            rows.append(action)
    return rows
