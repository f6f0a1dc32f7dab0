"""A film step as a value: what it reads and writes, its parameters and its function.

`rhas.pipeline.steps` chains the steps; the stages run one each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import JsonValue

from rhas.base.parts import FilmPart, Span
from rhas.base.progress import Progress
from rhas.config.section import Section

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

GIB = 1 << 30

InputT = TypeVar("InputT", bound="DataclassInstance")
ConfigT = TypeVar("ConfigT", bound=Section)
ReportT = TypeVar("ReportT", bound="DataclassInstance")


@dataclass(frozen=True)
class FilmFiles:
    """What there is of a film; steps read some of it and add to it.

    Args:
        movie: name of the film.
        references: a sentence per person.
        film: the video file.
        truth: true boxes, of rendered films alone.
        drawn: boxes that people drew; the file may be absent.
        frames, boxes, tracks, features: stores (docs/DESIGN.md, Files).
    """

    movie: str
    references: tuple[str, ...] = ()
    film: Path | None = None
    truth: Path | None = None
    drawn: Path | None = None
    frames: Path | None = None
    boxes: Path | None = None
    tracks: Path | None = None
    features: Path | None = None

    def get_path(self, name: str) -> Path:
        """The file or store of a name; it must be known."""
        path = getattr(self, name)
        assert isinstance(path, Path), f"no {name} of movie {self.movie}"
        return path

    def add(self, name: str, path: Path) -> FilmFiles:
        """With one more store."""
        return FilmFiles(**{**vars(self), name: path})


@dataclass(frozen=True)
class Cutting(Generic[InputT, ConfigT, ReportT]):
    """How long films are cut into parts (`rhas.engine.parts`).

    The input has a field ``span``, a `Span` or None. With a span the film function works on these
    frames alone. Functions of a module, since jobs go to other processes.

    Args:
        split: the spans of a film, of about so many frames at most. They begin where a batch
            begins, so that the model sees the same batches as with the whole film.
        merge: writes the film's output, byte for byte what the film function writes of the whole
            film, from its parts in order; returns the same report.
        report: what the film function returns.
    """

    split: Callable[[InputT, ConfigT, int], list[Span]]
    merge: Callable[[Sequence[FilmPart[ReportT]], ConfigT, Path], ReportT]
    report: type[ReportT]


@dataclass(frozen=True)
class Job:
    """One film's work in one step. Equal jobs have equal keys in the work cache.

    Args:
        name: the film, as users know it.
        step: name of the step, a folder of the work cache.
        function: pure; ``function(*records, out, progress)`` writes ``out`` and returns a report,
            a dataclass.
        records: what the result depends on: dataclasses, whose paths count by content, and
            sections of params.yaml.
        target: name of the result in the stage's output folder.
        size: how long it takes compared with the other films, in any unit (longest first).
        memory: bytes that a process needs for it at most, an estimate.
        cutting: how it is cut where the film is long; then its records are input and config.
    """

    name: str
    step: str
    function: Callable[..., DataclassInstance]
    records: tuple[DataclassInstance | Section, ...]
    target: str
    size: float = 0.0
    memory: int = GIB
    cutting: Cutting[Any, Any, Any] | None = None

    @property
    def on_gpu(self) -> bool:
        """Whether its model runs on a GPU."""
        return any(getattr(record, "device", "cpu") == "cuda" for record in self.records)

    @property
    def fills_gpu(self) -> bool:
        """Whether it takes as much of a GPU's memory as there is."""
        return any(getattr(record, "batch_size", 0) == "auto" for record in self.records)

    def run(self, out: Path, progress: Progress) -> dict[str, JsonValue]:
        """Writes ``out``; returns the report as JSON-able values, without fields that are None."""
        report = self.function(*self.records, out, progress)
        return asdict(report, dict_factory=lambda pairs: {k: v for k, v in pairs if v is not None})

    def check_machine(self) -> None:
        """Raises RhasError where this machine lacks what its parameters ask for."""
        for record in self.records:
            if isinstance(record, Section):
                record.check_machine()


@dataclass(frozen=True)
class FilmStep(Generic[InputT, ConfigT, ReportT]):
    """A step of the pipeline that is done film by film.

    Args:
        name: of the stage.
        output: what it writes, a field of `FilmFiles`.
        suffix: of what it writes.
        config: its section of params.yaml.
        function: writes a film's output. Pure: the result depends on the content of the files of
            its input and on its parameters alone. It runs in a worker process with one torch
            thread.
        make_input: picks what the function reads.
        measure: how long a film takes compared with others, in frames.
        estimate_memory: bytes that a process needs at most, in main memory and on a GPU.
        cutting: how long films are cut; None: they are not.
    """

    name: str
    output: str
    suffix: str
    config: type[ConfigT]
    function: Callable[[InputT, ConfigT, Path, Progress], ReportT]
    make_input: Callable[[FilmFiles, ConfigT], InputT]
    measure: Callable[[InputT, ConfigT], float]
    estimate_memory: Callable[[InputT, ConfigT], int] = lambda source, config: GIB
    cutting: Cutting[InputT, ConfigT, ReportT] | None = None

    def make_job(self, files: FilmFiles, config: Any) -> Job:
        """The work of one film.

        Args:
            files: with what the step reads.
            config: a `self.config`.

        Raises:
            RhasError: something the step reads is missing.
        """
        source = self.make_input(files, config)
        target = f"{files.movie}{self.suffix}"
        size = self.measure(source, config)
        memory = self.estimate_memory(source, config)
        records = (source, config)
        return Job(
            files.movie, self.name, self.function, records, target, size, memory, self.cutting
        )
