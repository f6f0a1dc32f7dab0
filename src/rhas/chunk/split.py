"""Train, val or test: by what the manifest says, else by the order of seeded hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from rhas.chunk.config import ChunkConfig
from rhas.stores.manifest import Film


def film_sides(films: Sequence[Film], config: ChunkConfig) -> dict[str, str]:
    """Cross-movie split: what the manifest fixes, and by chance what it leaves open."""
    open_films = [film.movie for film in films if film.subset is None]
    chosen = assign(open_films, config)
    return {film.movie: film.subset or chosen[film.movie] for film in films}


def assign(names: Sequence[str], config: ChunkConfig) -> dict[str, str]:
    """Train, val or test for each name: the order is that of seeded hashes, the shares exact."""
    ranked = sorted(
        names, key=lambda name: hashlib.sha256(f"{config.seed}:{name}".encode()).hexdigest()
    )
    sides = {}
    for rank, name in enumerate(ranked):
        share = (rank + 0.5) / len(ranked)
        test_from = 1 - config.fractions[2]
        val_from = test_from - config.fractions[1]
        sides[name] = "test" if share > test_from else "val" if share > val_from else "train"
    return sides
