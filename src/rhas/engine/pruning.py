"""What the work cache contains, what of it is still in use, and the removal of the rest."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rhas.engine.leases import if_unused, leased
from rhas.engine.stage import LOCK
from rhas.engine.workcache import Entry, WorkCache, walk_folder


@dataclass(frozen=True)
class StageUsage:
    """What the work cache contains of one stage.

    ``unlinked_*``: of entries that nothing else links to; None where that is unknown
    (`links_are_countable`).
    """

    stage: str
    entries: int
    films: int
    bytes: int
    unlinked_entries: int | None
    unlinked_bytes: int | None


def measure_stages(cache: WorkCache) -> list[StageUsage]:
    """Entries and bytes by stage."""
    stages: dict[str, list[Entry]] = defaultdict(list)
    for entry in cache.list_entries():
        stages[entry.stage].append(entry)
    known = bool(stages) and links_are_countable(cache.root)
    usages = []
    for stage, entries in stages.items():
        unlinked = [entry for entry in entries if not _is_linked(entry)]
        usages.append(
            StageUsage(
                stage,
                len(entries),
                len({entry.name for entry in entries}),
                sum(map(_count_bytes, entries)),
                len(unlinked) if known else None,
                sum(map(_count_bytes, unlinked)) if known else None,
            )
        )
    return usages


def prune_entries(
    cache: WorkCache, everything: bool, dry_run: bool, report_busy: Callable[[str], None]
) -> list[int]:
    """Removes entries that nothing else links to, or all; returns their sizes in bytes.

    Damaged entries that were set aside go, too, and digests that nobody needs.

    Args:
        dry_run: remove nothing.
        report_busy: called with the name of each stage that a run is working on, which is left
            alone: its entries are linked to its output at its end.
    """
    sizes = [_remove_damaged(path, dry_run) for path in cache.list_damaged()]
    for stage in dict.fromkeys(entry.stage for entry in cache.list_entries()):
        with hold_if_idle(cache.root, stage, report_busy) as idle:
            if idle and not dry_run:
                cache.remove_unfinished(stage)
            for entry in list(cache.list_entries()) if idle else ():
                if entry.stage == stage and (everything or not _is_linked(entry)):
                    sizes.append(_count_bytes(entry))
                    if not dry_run:
                        cache.remove_entry(entry)
    if not dry_run:
        cache.digests.prune()
    return sizes


def _remove_damaged(folder: Path, dry_run: bool) -> int:
    size = sum(path.stat().st_size for path in walk_folder(folder) if path.is_file())
    if not dry_run:
        shutil.rmtree(folder)
    return size


def prune_trainings(
    cache: WorkCache, checkpoint: str, dry_run: bool, report_busy: Callable[[str], None]
) -> list[int]:
    """Removes checkpoints of trainings that have not ended; returns their sizes in bytes.

    Args:
        checkpoint: name of their file.
        dry_run, report_busy: as of `prune_entries`.
    """
    sizes = []
    for path in sorted((cache.root / "train").glob(f"*/{checkpoint}")):
        with leased(path.parent / LOCK) as lease:
            if lease is None:
                report_busy(f"train/{path.parent.name}")
            elif path.is_file():
                sizes.append(path.stat().st_size)
                if not dry_run:
                    path.unlink()
    return sizes


@contextmanager
def hold_if_idle(root: Path, stage: str, report_busy: Callable[[str], None]) -> Iterator[bool]:
    """Whether no run takes entries of a stage, on any host; none does meanwhile."""
    with if_unused(root / stage) as idle:
        if not idle:
            report_busy(stage)
        yield idle


def links_are_countable(root: Path) -> bool:
    """Whether entries that are in use have another hard link.

    They have none where the workspace or DVC's cache is on another disk, or on a file system whose
    copies share their blocks (DVC prefers those), or where `cache.type` does not begin with
    hardlink.
    """
    from dvc.repo import Repo
    from dvc_objects.fs.generic import test_links

    with Repo() as repo:
        odb = repo.cache.local
        places = repo.root_dir, repo.cache.local_cache_dir
        kinds = ["reflink", "hardlink"]
        try:
            working = [test_links(kinds, odb.fs, str(root), odb.fs, f"{p}/file") for p in places]
        except OSError:
            return False
        return odb.cache_types[:1] == ["hardlink"] and all(k == ["hardlink"] for k in working)


def _is_linked(entry: Entry) -> bool:
    return any(path.stat().st_nlink > 1 for path in entry.list_files())


def _count_bytes(entry: Entry) -> int:
    return sum(path.stat().st_size for path in entry.list_files())
