"""Drawings of the report as inline SVG and CSS: equal figures are equal bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rhas.report.html import Markup, join, tag

BLUE, ORANGE, INK, LINE = "#0072b2", "#e69f00", "#1a1a1a", "#d0d0d0"


def bar(share: float, marks: Sequence[float] = ()) -> Markup:
    """A bar of ``share`` in [0, 1], with black marks at others."""
    parts = [tag("i", style=f"left:0;width:{_percent(share)}")]
    parts += [tag("i", class_="constant", style=f"left:{_percent(mark)}") for mark in marks]
    return tag("span", *parts, class_="bar", aria_hidden="true")


def stacked(detected: float, interpolated: float) -> Markup:
    """A bar of two shares one after the other."""
    return tag(
        "span",
        tag("i", style=f"left:0;width:{_percent(detected)}"),
        tag("i", class_="interpolated",
            style=f"left:{_percent(detected)};width:{_percent(interpolated)}"),
        class_="bar", aria_hidden="true",
    )  # fmt: skip


def reliability(points: Sequence[tuple[float, float, int]], error: float) -> Markup:
    """Share of true ones over score, above how many scores there are.

    Args:
        points: per bin mean score and share of true ones in [0, 1], and the number of scores.
        error: the expected calibration error in [0, 1], for the description.
    """
    left, top, side, low = 58, 14, 370, 90  # pixels of the drawing
    base, floor = top + side, top + side + 52 + low

    def at(score: float, share: float) -> tuple[str, str]:
        return f"{left + side * score:.1f}", f"{base - side * share:.1f}"

    parts: list[str] = [
        tag("title", f"Reliability of the scores, calibration error {100 * error:.2f} %")
    ]
    for step in range(6):
        share = step / 5
        x, y = at(share, share)
        parts += [
            tag("line", x1=left, x2=left + side, y1=y, y2=y, stroke=LINE),
            tag("line", x1=x, x2=x, y1=top, y2=base, stroke=LINE),
            tag("text", f"{share:.1f}", x=left - 8, y=f"{float(y) + 4:.1f}", text_anchor="end"),
            tag("text", f"{share:.1f}", x=x, y=base + 18, text_anchor="middle"),
        ]
    (x1, y1), (x2, y2) = at(0, 0), at(1, 1)
    parts.append(tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=INK, stroke_dasharray="5 4"))
    places = [at(score, share) for score, share, _ in points]
    line = " ".join(",".join(place) for place in places)
    parts.append(tag("polyline", points=line, fill="none", stroke=BLUE, stroke_width=2.5))
    parts += [tag("circle", cx=x, cy=y, r=5, fill=BLUE) for x, y in places]
    most = max((math.log10(count + 1) for *_, count in points), default=1.0) or 1.0
    for score, _, count in points:
        height = low * math.log10(count + 1) / most
        parts.append(
            tag("rect", x=f"{left + side * score - 12:.1f}", y=f"{floor - height:.1f}", width=24,
                height=f"{height:.1f}", fill=ORANGE)
        )  # fmt: skip
    middle = left + side / 2
    parts += [
        tag("line", x1=left, x2=left + side, y1=floor, y2=floor, stroke=INK),
        tag("text", "mean score of a bin", x=middle, y=base + 38, text_anchor="middle"),
        tag("text", "number of scores, logarithmic", x=middle, y=floor + 18, text_anchor="middle"),
        tag("text", "share that is true", x=0, y=0, text_anchor="middle",
            transform=f"translate(16 {top + side / 2:.0f}) rotate(-90)"),
    ]  # fmt: skip
    return tag(
        "svg", join(parts), viewBox=f"0 0 {left + side + 22} {floor + 28}", role="img",
        aria_label=f"Reliability of the scores, calibration error {100 * error:.2f} %; "
        "the table beside it has the same figures",
    )  # fmt: skip


def calibration_error(points: Sequence[tuple[float, float, int]], above: float = 0.0) -> float:
    """Mean distance of mean score and share of true ones, weighed by the bins' counts: the expected
    calibration error (ECE); NaN without a score.

    Args:
        points: as of `reliability`.
        above: bins of a lower mean score are left out.
    """
    kept = [(score, share, count) for score, share, count in points if score >= above]
    total = sum(count for *_, count in kept)
    if not total:
        return math.nan
    return sum(abs(score - share) * count for score, share, count in kept) / total


def shade(share: float) -> str:
    """A colour from white to blue on which black text is readable, for a share in [0, 1]."""
    mixed = (255 + (part - 255) * 0.8 * share for part in (0, 114, 178))
    return "#" + "".join(f"{round(part):02x}" for part in mixed)


def _percent(share: float) -> str:
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"
