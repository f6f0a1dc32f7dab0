"""A folder whose files are damaged is an error of one line that names the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rhas.base.errors import RhasError
from rhas.review.folder import ReviewFolder

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "text",
    ["[]", "3", "{}", '{"frames": 9}', '{"frames": 150, "fps": 15, "persons": [{}]}',
     '{"frames": 150, "fps": 15, "persons": 1}', '{"frames": "x", "fps": 15, "persons": []}', DEEP],
)  # fmt: skip
def test_damaged_intervals(segmented: Path, text: str) -> None:
    (segmented / "intervals.json").write_text(text)
    with pytest.raises(RhasError, match=r"intervals\.json"):
        ReviewFolder(segmented)


@pytest.mark.parametrize("text", ["", DEEP, json.dumps({"frames": 150}), "[]"])
def test_damaged_page(segmented: Path, text: str) -> None:
    page = f'<script type="application/json" id="data">{text}</script>'
    (segmented / "index.html").write_text(page)
    with pytest.raises(RhasError, match=r"index.*(not the page|another film)"):
        ReviewFolder(segmented)
