"""A folder under review, and what its page saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .reviewed import CLASSES, FPS, FRAMES, INTERVALS, SENTENCES, make_page_data, write_folder


@pytest.fixture
def segmented(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "out", make_page_data())


@pytest.fixture
def corrections() -> dict[str, Any]:
    """What the page saves when nothing has been changed."""
    return {
        "format": "rhas corrections", "version": 1, "revision": 0, "film": "harbour.mp4",
        "frames": FRAMES, "fps": FPS, "classes": CLASSES,
        "persons": [
            {"person": number, "reference": SENTENCES[number], "checked": True, "removed": [],
             "not_this_person": [],
             "intervals": [
                 {"action": action, "start_frame": start, "end_frame": stop, "by": "predicted"}
                 for action, start, stop in intervals
             ]}
            for number, intervals in enumerate(INTERVALS)
        ],
    }  # fmt: skip
