"""data/raw/manifest.json: which films, persons and references there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

from rhas.base.errors import RhasError
from rhas.base.files import write_json
from rhas.base.names import movie_name
from rhas.stores.checking import guard_reading

SUBSETS = ("train", "val", "test")
_DO = "run `dvc repro prepare`"


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
        where = f"manifest, movie {self.movie}"
        movie_name(self.movie, where)
        if PurePosixPath(self.file).is_absolute() or ".." in PurePosixPath(self.file).parts:
            raise RhasError("a film outside the folder", where=where, got=self.file, do=_DO)
        if self.subset is not None and self.subset not in SUBSETS:
            raise RhasError(
                "unknown subset",
                where=where,
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
        """The manifest of a folder.

        Raises:
            RhasError: there is none, or it does not describe films.
        """
        path = folder / "manifest.json"
        if not path.is_file():
            raise RhasError("no manifest", where=str(path), do="run `dvc repro prepare` first")
        with guard_reading(path, _DO, "not a manifest"):
            return TypeAdapter(Manifest).validate_json(path.read_bytes())
