"""Taking entries from the work cache: checked, a damaged one set aside to be computed anew."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rhas.base.files import hash_file_md5
from rhas.engine.workcache import Damage, Entry, WorkCache


def take_entries(
    cache: WorkCache, step: str, keys: Mapping[str, str], *, reread: bool, threads: int = 1
) -> tuple[dict[str, Entry], list[str]]:
    """Those of some entries that have been computed and are whole.

    Args:
        cache: where they are looked up.
        step: the folder of the work cache.
        keys: of the entries, by film.
        reread: read every file of the results: needed where an output is made of them.
        threads: that read at once.

    Returns:
        Entries by film, and the films whose entry was damaged; it is named on standard error and
        set aside.
    """
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda key: cache.find_entry(step, key, reread=reread), keys.values())
        results = dict(zip(keys, found, strict=True))
    entries, damaged = {}, []
    for name, result in results.items():
        if isinstance(result, Entry):
            entries[name] = result
        elif isinstance(result, Damage):
            damaged.append(name)
            aside = cache.set_aside(result)
            where = f"set aside as {aside}" if aside else "another run has set it aside already"
            print(
                f"{step}: {name}: its entry of the work cache is damaged and computed anew: "
                f"{result.problem} ({where})",
                file=sys.stderr,
            )
    return entries, damaged


def remove_damaged_objects(cache: WorkCache, entries: Iterable[Entry]) -> list[Path]:
    """Removes what DVC's cache has in the place of these results' files, where it is not the same.

    DVC does not look into read-only files of its cache: it would put a damaged one, which was a
    hard link to the damaged entry, in the place of the new result.
    """
    objects = find_dvc_objects(cache.root)
    removed = []
    for path in (path for entry in entries for path in entry.list_files() if objects):
        md5 = hash_file_md5(path)
        twin = Path(objects or "", md5[:2], md5[2:])
        if twin.is_file() and not twin.samefile(path) and hash_file_md5(twin) != md5:
            twin.unlink()
            removed.append(twin)
    return removed


def find_dvc_objects(root: Path) -> Path | None:
    """The folder of DVC's cache beside a work cache: ``<2 letters of the MD5>/<the others>``."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            beside = Path(repo.cache.local_cache_dir).parent / root.name == root
            return Path(repo.cache.local.path) if beside else None
    except NotDvcRepoError:
        return None
