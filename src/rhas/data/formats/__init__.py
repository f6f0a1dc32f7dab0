"""Files of labelling tools: one module per format, each with a function that writes films and one
that reads a file.

``write(films, out)`` writes into the folder or file ``out`` and returns the paths;
``read(path, films)`` returns persons and actions (`rhas.data.formats.found.FoundActions`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rhas.data.actions import FilmActions
from rhas.data.formats.activitynet import read_activitynet, write_activitynet
from rhas.data.formats.ava import write_ava
from rhas.data.formats.coco import read_coco, write_coco
from rhas.data.formats.cvat import read_cvat, write_cvat
from rhas.data.formats.eaf import read_eaf, write_eaf
from rhas.data.formats.events import read_events, write_events
from rhas.data.formats.found import FilmCatalogue, FoundActions
from rhas.data.formats.labelstudio import read_labelstudio, write_labelstudio
from rhas.data.formats.mot import read_mot, write_mot

Write = Callable[[Sequence[FilmActions], Path], list[Path]]
Read = Callable[[Path, FilmCatalogue], FoundActions]


@dataclass(frozen=True)
class Format:
    """A format of files.

    Args:
        title: for people.
        suffixes: endings of its files.
        write: writes films.
        read: reads a file; None where another import does.
    """

    title: str
    suffixes: tuple[str, ...]
    write: Write
    read: Read | None


FORMATS: Mapping[str, Format] = {
    "cvat": Format("CVAT for video 1.1", (".xml",), write_cvat, read_cvat),
    "events": Format("event table (BORIS)", (".tsv", ".csv"), write_events, read_events),
    "activitynet": Format("ActivityNet JSON", (".json",), write_activitynet, read_activitynet),
    "ava": Format("AVA table", (".csv",), write_ava, None),
    "labelstudio": Format("Label Studio JSON", (".json",), write_labelstudio, read_labelstudio),
    "eaf": Format("ELAN", (".eaf",), write_eaf, read_eaf),
    "mot": Format("MOTChallenge text", (".txt",), write_mot, read_mot),
    "coco": Format("COCO video JSON (TAO)", (".json",), write_coco, read_coco),
}
