"""Reading all of the work cache and of DVC's cache, and removing what is damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rhas.base.files import hash_file_md5
from rhas.engine.pruning import hold_if_idle
from rhas.engine.workcache import Damage, Entry, WorkCache, walk_folder

_Inode = tuple[int, int]  # device and number


@dataclass(frozen=True)
class Verification:
    """What was found.

    Args:
        entries: of the work cache that were checked.
        damaged: those that are not as they were written.
        objects: files of DVC's cache that were read.
        damaged_objects: those whose content has another MD5 than their name says.
    """

    entries: int
    damaged: list[Damage]
    objects: int
    damaged_objects: list[Path]


@dataclass(frozen=True)
class Repair:
    """What was done about it.

    Args:
        stages: whose outputs have to be made again, in dvc.yaml's order.
        running: stages that are running, whose damaged entries are as they were, with what is
            linked to them.
    """

    stages: list[str]
    running: list[str]


def verify_caches(
    cache: WorkCache, objects: Path | None, *, quick: bool, threads: int
) -> Verification:
    """Checks every entry of the work cache, and every file of DVC's cache.

    Args:
        cache: the work cache.
        objects: DVC's cache, ``files/md5``; None where there is none.
        quick: read only what has another size or time than when it was last read, and nothing of
            DVC's cache.
        threads: that read at once.
    """
    folders = list(cache.list_folders())
    paths = [] if quick or objects is None else sorted(p for p in objects.glob("??/*"))
    with ThreadPoolExecutor(threads) as pool:
        whole = pool.map(_has_its_name, paths)
        damaged_objects = [path for path, right in zip(paths, whole, strict=True) if not right]
        inodes = {_inode(path) for path in damaged_objects}
        checked = pool.map(lambda folder: cache.check_entry(folder, reread=not quick), folders)
        found = [_see_twin(result, inodes) for result in checked]
        damaged = [result for result in found if isinstance(result, Damage)]
    return Verification(len(folders), damaged, len(paths), damaged_objects)


def _see_twin(result: Entry | Damage, inodes: set[_Inode]) -> Entry | Damage:
    """A damaged file of DVC's cache may be that of an entry without digests of its own."""
    if isinstance(result, Damage) or not inodes:
        return result
    twins = tuple(path for path in result.list_files() if _inode(path) in inodes)
    problem = "has another MD5 than DVC's cache says"
    return Damage(result.folder, result.name, problem, twins) if twins else result


def _has_its_name(path: Path) -> bool:
    try:
        return hash_file_md5(path) == path.parent.name + path.name.removesuffix(".dir")
    except OSError:
        return False


def repair_caches(cache: WorkCache, found: Verification) -> Repair:
    """Sets damaged entries aside, and removes damaged files of DVC's cache and of the workspace.

    Entries of a stage that is running are left alone, and so are files that are linked to them.

    Args:
        cache: the work cache.
        found: what is damaged.
    """
    objects = {path: _inode(path) for path in found.damaged_objects}
    inodes, left, running = set(objects.values()), set[_Inode](), list[str]()
    for damage in found.damaged:
        with hold_if_idle(cache.root, damage.folder.parent.name, running.append) as idle:
            files = {_inode(path) for path in damage.files if path.exists()}
            if idle:
                inodes |= files
                cache.set_aside(damage)
            else:
                left |= files
    inodes -= left
    alone = [path for path, inode in objects.items() if inode in inodes]
    for path in (*alone, *_find_dvc_twins(inodes)):
        path.unlink(missing_ok=True)
    return Repair(_remove_outputs(inodes), list(dict.fromkeys(running)))


def _find_dvc_twins(inodes: set[_Inode]) -> Iterator[Path]:
    """Files of DVC's cache that are hard links to damaged ones."""
    from dvc.repo import Repo

    with Repo() as repo:
        for path in Path(repo.cache.local.path).glob("??/*"):
            if _inode(path) in inodes:
                yield path


def _remove_outputs(inodes: set[_Inode]) -> list[str]:
    """Removes the workspace's damaged files; the stages that wrote them."""
    from dvc.repo import Repo

    stages: list[str] = []
    with Repo() as repo:
        for stage in repo.index.stages:
            outputs = [Path(out.fs_path) for out in stage.outs if os.path.exists(out.fs_path)]
            files = [path for output in outputs for path in walk_folder(output)]
            damaged = [path for path in files if path.is_file() and _inode(path) in inodes]
            for path in damaged:
                path.unlink()
            if damaged:
                stages.append(str(stage.addressing))
    return stages


def _inode(path: Path) -> _Inode:
    state = path.stat()
    return state.st_dev, state.st_ino
