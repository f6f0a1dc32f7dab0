from __future__ import annotations

import pytest

from rhas.config.mini import MiniConfig
from rhas.mini import FilmFacts, FilmSpec, film_specs, simulate_film


@pytest.fixture(scope="package")
def films() -> list[tuple[FilmSpec, FilmFacts]]:
    """The default films, simulated only."""
    return [(spec, simulate_film(spec)) for spec in film_specs(MiniConfig())]
