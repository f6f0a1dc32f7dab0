"""Checkpoints: where they lie, their content's hash, and whether they fit their model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path, PurePath

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.base.hub_record import find_record, read_record

_BUILT_IN_BYTES = 20_000_000
"""Weights of theirs, and of what their recipes make, are smaller; full-size models have hundreds of
MB."""
_WEIGHTS = ("*.safetensors", "*.bin", "*.pth", "*.pt")
HUB_FILES = ("*.json", "*.safetensors", "*.bin", "vocab.txt", "merges.txt")

BUILT_IN = ("weights/grounding", "weights/blip2", "weights/clip", "weights/hopadiff")
"""What the project brings along: in its folder weights, and in the installed package."""
_PACKAGED = Path(__file__).parents[1] / "weights"

Shape = Sequence[int]


def is_built_in(checkpoint: str) -> bool:
    """Whether a checkpoint is one of the small ones of the project, by the size of its weights: it
    may be a copy, and other weights may lie in its place. Of one that is not here the name tells.
    """
    folder = Path(checkpoint)
    sizes = []
    with suppress(OSError, ValueError):  # a hub's name, or one that no folder can have
        files = (path for pattern in _WEIGHTS for path in folder.glob(pattern))
        sizes = [path.stat().st_size for path in files if path.is_file()]
    return sum(sizes) < _BUILT_IN_BYTES if sizes else folder.as_posix() in BUILT_IN


def find_built_in(name: str) -> Path | None:
    """The folder of a name of `BUILT_IN`: below the working folder, else in the package; None for
    other names."""
    plain = PurePath(name)
    if plain.as_posix() not in BUILT_IN:
        return None
    found = (folder for folder in (Path(plain), _PACKAGED / plain.name) if folder.is_dir())
    return next(found, None)


def local_checkpoint(checkpoint: str) -> Path | None:
    """The path of a checkpoint that is here, be it a path, a built-in one or a hub name; None where
    it is not.

    Raises:
        RhasError: files of a recorded download are missing or of another size.
    """
    path = Path(checkpoint)
    return path if path.exists() else find_built_in(checkpoint) or _find_snapshot(checkpoint)


def checkpoint_folder(checkpoint: str) -> Path:
    """The folder of a checkpoint: local, built in, or the snapshot of a hub name in the local
    hub cache.

    Nothing is downloaded.

    Raises:
        RhasError: neither a folder nor a snapshot, or files of a recorded download are missing.
    """
    found = local_checkpoint(checkpoint)
    if found is None or not found.is_dir():
        raise RhasError(
            "checkpoint not found",
            where=checkpoint,
            expected="a folder, or a hub name whose snapshot is in the local cache",
            do=f"correct the path, or run `rhas weights pull {checkpoint}` once (or "
            f"`hf download {checkpoint}`)",
        )
    return found


def _find_snapshot(name: str) -> Path | None:
    """The folder of a hub name in the hub cache: the recorded one, or one of another program."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if record := read_record(name):
        record.check_files(None)
        return record.folder
    try:
        return Path(snapshot_download(name, allow_patterns=list(HUB_FILES), local_files_only=True))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError):
        return None


def hash_checkpoint(folder: Path, patterns: Sequence[str] = HUB_FILES) -> str:
    """Hex SHA-256 over names and content of the folder's files that match a pattern (no README).

    Raises:
        RhasError: the folder was downloaded by `rhas weights pull`, and is not as it came.
    """
    if record := find_record(folder):
        record.check_files(_hash_content)
    combined = hashlib.sha256()
    for path in sorted({p for pattern in patterns for p in folder.glob(pattern) if p.is_file()}):
        line = f"{path.relative_to(folder).as_posix()} {_hash_content(path)}\n"
        combined.update(line.encode())
    return combined.hexdigest()


def _hash_content(path: Path) -> str:
    facts = path.stat()
    return _hash_once(path, facts.st_ino, facts.st_size, facts.st_mtime_ns)


@contextmanager
def silence_transformers() -> Iterator[None]:
    """Without the bar, report and advice of loading: what matters of them is raised."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@lru_cache(maxsize=64)
def _hash_once(path: Path, *facts: int) -> str:
    """Once per process for an unchanged file: gigabytes take seconds."""
    return hash_file(path)


def check_weights_fit(
    where: Path | str,
    expected: Mapping[str, Shape],
    found: Mapping[str, Shape],
    do: str = "",
) -> None:
    """Compares the weights of a checkpoint with the parameters of its model.

    Args:
        where: the file or folder, for the message.
        expected: shape of each of the model's parameters.
        found: shape of each weight of the checkpoint.
        do: advice, where the usual one does not suit.

    Raises:
        RhasError: see `refuse_weights`.
    """
    both = expected.keys() & found.keys()
    refuse_weights(
        where,
        sorted(expected.keys() - both),
        sorted(found.keys() - both),
        {n: (found[n], expected[n]) for n in both if tuple(found[n]) != tuple(expected[n])},
        do,
    )


def refuse_weights(
    where: Path | str,
    missing: Sequence[str],
    unexpected: Sequence[str],
    shapes: Mapping[str, tuple[Shape, Shape]],
    do: str = "",
) -> None:
    """Refuses a checkpoint that does not fit its model exactly.

    Args:
        where: the file or folder, for the message.
        missing: parameters that the checkpoint lacks.
        unexpected: weights that the model has no place for.
        shapes: of each weight of another shape, the one in the checkpoint and the model's.
        do: advice, where the usual one does not suit.

    Raises:
        RhasError: one of the three is not empty.
    """
    problems = {
        "missing": sorted(missing),
        "unexpected": sorted(unexpected),
        "of another shape": [
            f"{name} {tuple(found)} for {tuple(expected)}"
            for name, (found, expected) in sorted(shapes.items())
        ],
    }
    if any(problems.values()):
        raise RhasError(
            "the checkpoint does not fit its configuration",
            where=str(where),
            expected="a weight for every parameter, and no other",
            got="; ".join(
                f"{what}: {_shorten(names)}" for what, names in problems.items() if names
            ),
            do=do or "give the configuration that belongs to this checkpoint, or download it again",
        )


def _shorten(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
