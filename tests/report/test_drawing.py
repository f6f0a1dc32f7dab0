"""Numbers behind the report's drawings."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rhas.report.drawing import calibration_error, reliability, shade
from rhas.report.html import Markup, escape, tag
from rhas.report.persons import best_and_worst


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
    assert "circle" in reliability(points, 0.1)


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 0.75, 1])
def test_black_text_is_readable_on_every_shade(share: float) -> None:
    """WCAG's contrast of #1a1a1a with the ground, at least 4.5."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ratio = (luminance(shade(share)) + 0.05) / (luminance("#1a1a1a") + 0.05)
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
    ranked = [{"person": str(number)} for number in range(count)]
    assert [f"{place} {row['person']}" for place, row in best_and_worst(ranked)] == said


def test_text_is_escaped_once() -> None:
    made = tag("p", "<b>", tag("i", "&"), Markup("<br>"), title='"x"', hidden=True, lang=None)
    assert made == '<p title="&quot;x&quot;" hidden>&lt;b&gt;<i>&amp;</i><br></p>'
    assert escape(made) is made
