"""Numbers behind the report's figures, and its templates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from jinja2 import UndefinedError

from rhas.metrics.calibration import calibration_error
from rhas.report.persons import PersonRow, pick_best_and_worst
from rhas.report.templates import format_number, render
from rhas.report.views import mix_colour, place_points


def test_calibration_error_against_the_scores_themselves() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(5000)
    true = rng.random(5000) < scores**2
    bins = np.minimum((scores * 10).astype(int), 9)
    points = [
        (float(scores[bins == b].mean()), float(true[bins == b].mean()), int((bins == b).sum()))
        for b in range(10)
    ]
    # |mean score - share| over all scores, each with its own bin's
    own = [abs(points[b][0] - points[b][1]) for b in bins]
    assert calibration_error(points) == pytest.approx(np.mean(own))
    above = [own[i] for i in range(5000) if points[bins[i]][0] >= 0.5]
    assert calibration_error(points, 0.5) == pytest.approx(np.mean(above))
    assert math.isnan(calibration_error([]))
    plot = place_points(points)
    assert [round(p.x) for p in plot.points] == [
        round(plot.left + 370 * score) for score, *_ in points
    ]
    assert all(plot.top <= p.y <= plot.base and 0 < p.bar <= 90 for p in plot.points)
    assert place_points([]).points == []


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 0.75, 1])
def test_black_text_is_readable_on_every_shade(share: float) -> None:
    """WCAG's contrast of #1a1a1a with the ground, at least 4.5."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ratio = (luminance(mix_colour(share)) + 0.05) / (luminance("#1a1a1a") + 0.05)
    assert ratio >= 4.5


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, []),
        (1, ["Best 0"]),
        (2, ["Best 0", "Worst 1"]),
        (3, ["Best 0", "Second best 1", "Worst 2"]),
        (9, ["Best 0", "Second best 1", "Second worst 7", "Worst 8"]),
    ],
)
def test_nobody_is_best_and_worst(count: int, said: list[str]) -> None:
    ranked = [PersonRow("m", number, "", 1, 0.0, 1.0, 1.0, 1.0) for number in range(count)]
    found = pick_best_and_worst(ranked)
    assert [f"{place} {row.number}" for place, row in found] == said


def test_numbers_that_do_not_exist() -> None:
    assert [format_number(v) for v in (None, math.nan, 3, 3.25, 0.0)] == [
        "–", "–", "3", "3.2", "0.0",
    ]  # fmt: skip


def test_text_is_escaped_and_a_missing_value_is_an_error() -> None:
    hash_rows = [("<b>", '"', "&")]
    text = render("run/hashes.html.j2", hashes=hash_rows)
    assert '<th scope="row">&lt;b&gt;</th><td><code>&#34;</code></td><td><code>&amp;</code>' in text
    with pytest.raises(UndefinedError):
        render("run/hashes.html.j2")
