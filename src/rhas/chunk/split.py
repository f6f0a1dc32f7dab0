"""Train, val or test: by what the manifest says, by folds, or by the order of seeded hashes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

from rhas.base.errors import RhasError
from rhas.config.chunk import ChunkConfig
from rhas.stores.manifest import SUBSETS, Film


def split_films(
    films: Sequence[Film], annotated: Collection[str], config: ChunkConfig
) -> dict[str, str]:
    """Cross-movie split of the annotated films: what the manifest fixes, and by chance what it
    leaves open; with ``split: folds``, by folds alone."""
    drawn = [film for film in films if film.movie in annotated]
    if config.split == "folds":
        return split_into_folds([film.movie for film in drawn], config)
    fixed = {film.movie: film.subset for film in drawn if film.subset is not None}
    open_films = [film.movie for film in drawn if film.subset is None]
    return fixed | assign_subsets(open_films, config, there=set(fixed.values()))


def assign_subsets(
    names: Sequence[str], config: ChunkConfig, there: Collection[str] = ()
) -> dict[str, str]:
    """Train, val or test for each name: the order is that of seeded hashes, the shares exact.

    A side that would get none, has a share and is not ``there`` already gets one, where another
    can spare it: five films have a test side, too.
    """
    ranked = _rank_names(names, config.seed)
    counts = _count_subsets(len(ranked), config.fractions)
    for side, fraction in zip(reversed(SUBSETS), reversed(config.fractions), strict=True):
        if fraction > 0 and not counts[side] and side not in there:
            giver = max(SUBSETS, key=lambda name: counts[name])
            if counts[giver] > (giver not in there):
                counts[giver] -= 1
                counts[side] += 1
    sides = [side for side in SUBSETS for _ in range(counts[side])]
    return dict(zip(ranked, sides, strict=True))


def split_into_folds(names: Sequence[str], config: ChunkConfig) -> dict[str, str]:
    """Test for the films of fold ``chunk.fold``, val for those of the next one, train for the rest.

    Over all values of ``chunk.fold``, each film is test once.

    Raises:
        RhasError: fewer films than folds.
    """
    if len(names) < config.folds:
        raise RhasError(
            "there are fewer films than folds",
            where="chunk.folds",
            expected=f"at most {len(names)}",
            got=str(config.folds),
        )
    sides = {config.fold: "test", (config.fold + 1) % config.folds: "val"}
    ranked = _rank_names(names, config.seed)
    return {name: sides.get(rank % config.folds, "train") for rank, name in enumerate(ranked)}


def _rank_names(names: Sequence[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest())


def _count_subsets(names: int, fractions: Sequence[float]) -> Counter[str]:
    test_from = 1 - fractions[2]
    val_from = test_from - fractions[1]
    shares = [(rank + 0.5) / names for rank in range(names)]
    return Counter(
        "test" if share > test_from else "val" if share > val_from else "train" for share in shares
    )
