"""``SHA256SUMS``: digests of the files beside it; ``sha256sum -c SHA256SUMS`` checks them, too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

CHECKSUMS = "SHA256SUMS"
_DIGITS = 64
_LEVELS = 4  # folders above a store in which its digest may be


def write_checksums(folder: Path, digests: Mapping[str, str]) -> None:
    """Writes ``folder/SHA256SUMS``: SHA-256 in hex by path inside ``folder``."""
    lines = [f"{digests[name]}  {name}\n" for name in sorted(digests)]
    temporary = folder / f".{CHECKSUMS}.tmp"
    temporary.write_text("".join(lines), "utf-8")
    temporary.replace(folder / CHECKSUMS)


def read_checksums(folder: Path) -> dict[str, str]:
    """The digests by path inside ``folder``; empty where there is no such file."""
    file = folder / CHECKSUMS
    lines = file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
    return {line[_DIGITS + 2 :]: line[:_DIGITS] for line in lines if line[_DIGITS:][:2] == "  "}


def find_checksums(path: Path) -> dict[str, str]:
    """The digests of a store's files by path inside it, "" for a file itself, from the nearest
    folder above that names it; empty where none does."""
    path = path.absolute()
    for folder in path.parents[:_LEVELS]:
        within = path.relative_to(folder).as_posix()
        listed = read_checksums(folder)
        if within in listed:
            return {"": listed[within]}
        inside = f"{within}/"
        if files := {n[len(inside) :]: d for n, d in listed.items() if n.startswith(inside)}:
            return files
    return {}
