"""A folder as `rhas segment` leaves it, as far as a review reads it: ten seconds, two persons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rhas.base.files import write_json
from rhas.report.templates import render

FRAMES, FPS = 150, 15.0
CLASSES = ["eating", "walking", "waving", "<b>sitting</b>"]
PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
INTERVALS = ((("walking", 15, 45), ("walking", 60, 90), ("eating", 30, 75)), (("waving", 10, 20),))
SENTENCES = ("the man in red", "the woman <i>in</i> blue")


def make_interval(action: str, start: int, stop: int) -> dict[str, Any]:
    return {
        "action": action, "class_id": CLASSES.index(action), "start_frame": start,
        "end_frame": stop, "start_s": start / FPS, "end_s": stop / FPS, "score": 0.8,
        "confidence": 0.9, "seen": 1.0,
    }  # fmt: skip


def make_page_data(
    frames: int = FRAMES,
    intervals: tuple[tuple[tuple[str, int, int], ...], ...] = INTERVALS,
    sentences: tuple[str, ...] = SENTENCES,
) -> dict[str, Any]:
    step = -(-frames // 3000)
    points = -(-frames // step)
    persons = []
    for number, (found, reference) in enumerate(zip(intervals, sentences, strict=True)):
        classes = list(dict.fromkeys(action for action, *_ in found))
        persons.append({
            "person": number, "reference": reference, "found": True, "not_found": [],
            "frames": {"detected": frames, "interpolated": 0, "missing": 0},
            "intervals": [make_interval(*one) for one in found],
            "present": {"detected": [[0, frames]], "interpolated": []}, "crops": [],
            "curves": [
                {"class": CLASSES.index(name), "threshold": 0.5, "step": step,
                 "values": [(7 * n) % 100 for n in range(points)]}
                for name in classes
            ],
        })  # fmt: skip
    return {
        "film": "harbour.mp4", "seconds": frames / FPS, "frames": frames, "fps": FPS, "cuts": [],
        "min_score": 0.1, "model": "hopadiff", "lost_frames": 0, "built_in_checkpoints": [],
        "readout": {"fitted": True, "calibrated": True, "default_threshold": 0.5},
        "overlay": None, "reasons": {"cut": "a short shot"}, "classes": CLASSES,
        "corrections": None, "save": None, "thumbnails": [{"frame": 0, "picture": PICTURE}],
        "persons": persons,
    }  # fmt: skip


def write_folder(folder: Path, data: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    write_json(
        folder / "intervals.json", {name: data[name] for name in ("frames", "fps", "persons")}
    )
    page = render("film.html.j2", title=data["film"], data=data, saves=False)
    (folder / "index.html").write_text(page, "utf-8")
    return folder
