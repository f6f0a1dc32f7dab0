"""Options whose number is none: each that takes a fraction refuses it."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from rhas.cli import app
from rhas.cli.numbers import check_finite

LABELS = ("cvat", "events", "activitynet", "labelstudio", "eaf", "mot", "coco")
FRACTIONS = [
    tuple(line.split())
    for line in (
        "import films --fps", "import films --offset", "import ava --fps", "import ava --offset",
        "import ava --step", "import rhas133 --fps", "export --fps", "export --min-score",
        "score --fps", "score --min-score", "table statistics --fps", "diff --atol",
        "check --trial", *(f"import {form} --offset" for form in LABELS),
    )
]  # fmt: skip


@pytest.mark.parametrize("words", FRACTIONS, ids=" ".join)
@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_is_refused(words: tuple[str, ...], number: str) -> None:
    result = CliRunner().invoke(app, [*words, number])
    assert result.exit_code == 2
    assert f"Invalid value for '{words[-1]}'" in result.output


@pytest.mark.parametrize("words", [w for w in FRACTIONS if w[-1] == "--fps"], ids=" ".join)
def test_a_rate_beyond_that_of_any_film_is_refused(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "1e300"])
    assert result.exit_code == 2
    assert "Invalid value for '--fps'" in result.output


def test_finite_numbers_stay() -> None:
    for number in (None, 0.0, -1.5, 1e300):
        assert check_finite(number) == number
    with pytest.raises(typer.BadParameter, match="nan is not a finite number"):
        check_finite(float("nan"))
