"""How much of the data reached the method: frames with a crop, and what was dropped on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rhas.base.files import read_csv, read_json
from rhas.report.sources import Origin, Results
from rhas.stores.manifest import SUBSETS, Manifest


@dataclass(frozen=True)
class FilmCoverage:
    """One film. Counts are pairs of a frame and a person.

    Args:
        movie: its name.
        sides: of the split that its samples lie in; none where nobody of it is annotated.
        seconds: its length.
        persons: references.
        detected: with a detected crop; any crop where nobody knows which is interpolated.
        interpolated: with an interpolated one.
        missing: without one.
    """

    movie: str
    sides: tuple[str, ...]
    seconds: float
    persons: int
    detected: int
    interpolated: int
    missing: int

    @property
    def pairs(self) -> int:
        return self.detected + self.interpolated + self.missing


@dataclass(frozen=True)
class Drop:
    """Something that was left out, cut or filled in.

    Args:
        stage: which noticed it.
        reason: in words.
        count: how many.
        which: names, as far as they are known.
    """

    stage: str
    reason: str
    count: int
    which: Sequence[str] = ()


def read_coverage(origin: Origin) -> list[FilmCoverage]:
    """The films of the manifest, in its order.

    Raises:
        RhasError: no manifest, samples or report of the feature stores.
    """
    fps = origin.info.fps
    sides = defaultdict(set)
    for row in read_csv(origin.samples / "index.csv"):
        sides[row["movie"]].add(row["split"])
    features = read_json(origin.features / "report.json")
    tracks = _report(origin.stores.tracks)
    films = []
    for film in Manifest.read(origin.stores.raw).films:
        facts, own = features[film.movie], tracks.get(film.movie, {}).get("persons")
        missing = sum(facts["missing"])
        pairs = facts["frames"] * facts["persons"]
        filled = sum(person["interpolated"] for person in own) if own else 0
        films.append(
            FilmCoverage(
                film.movie,
                tuple(side for side in SUBSETS if side in sides[film.movie]),
                facts["frames"] / fps,
                facts["persons"],
                pairs - missing - filled,
                filled,
                missing,
            )
        )
    return films


def read_drops(origin: Origin, results: Results) -> list[Drop]:
    """What the stages' reports name, zeros included, in the order of the stages."""
    info, side = origin.info, results.report["test"]
    frames, boxes = _report(origin.stores.frames), _report(origin.stores.boxes)
    tracks, features = _report(origin.stores.tracks), _report(origin.features)
    dropped = defaultdict(int, info.dropped)
    drops: list[Drop] = []
    if frames:
        lost = {movie: facts["lost_frames"] for movie, facts in frames.items()}
        drops.append(_drop("decode", "frames that could not be decoded", lost))
    if boxes:
        for key, reason in (
            ("persons_never_found", "persons of whom grounding found no candidate at all"),
            ("cut_references", "references cut to the model's longest text"),
            ("unknown_words", "references with a word that the model does not know"),
            ("same_reference_as", "references that the model cannot tell from another"),
        ):
            found = {m: facts[key] for m, facts in boxes.items() if facts.get(key)}
            drops.append(_people("ground", reason, found))
    if tracks:
        lost_people = {
            movie: [p["person"] for p in facts["persons"] if not p["detected"]]
            for movie, facts in tracks.items()
        }
        drops.append(_people("crop", "persons without a single crop", lost_people))
    cut = {m: sum(facts.get("dropped_text_tokens", ())) for m, facts in features.items()}
    drops.append(_drop("extract", "words of references beyond the encoder's longest text", cut))
    drops += [
        Drop("chunk", "persons without annotation", len(info.persons_without_annotation),
             info.persons_without_annotation),
        Drop("chunk", "last windows shorter than min_frames", dropped["tail_windows"]),
        Drop("chunk", "frames in those windows", dropped["tail_frames"]),
        Drop("chunk", "intervals outside their film", dropped["intervals_outside_film"]),
        Drop("chunk", "intervals cut at their film's end", dropped["intervals_cut_at_end"]),
        Drop("evaluate", "test frames without a crop", side["frames_without_crop"]),
        Drop("evaluate", "test persons without a single crop", len(side["persons_without_crop"]),
             side["persons_without_crop"]),
        Drop("evaluate", "classes not in val, read out at the default threshold",
             len(results.report["classes_with_default_threshold"])),
    ]  # fmt: skip
    return drops


def by_side(films: Iterable[FilmCoverage]) -> dict[str, list[FilmCoverage]]:
    """Films by the sides of the split they are in, joined by "+" where they are in several."""
    sides: dict[str, list[FilmCoverage]] = defaultdict(list)
    for film in films:
        sides["+".join(film.sides) or "not annotated"].append(film)
    order = [*SUBSETS, *sorted(set(sides) - set(SUBSETS))]
    return {side: sides[side] for side in order if side in sides}


def _report(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    return read_json(path) if path.is_file() else {}


def _drop(stage: str, reason: str, counts: Mapping[str, int]) -> Drop:
    which = [f"{movie}: {count:,}" for movie, count in counts.items() if count]
    return Drop(stage, reason, sum(counts.values()), which)


def _people(stage: str, reason: str, found: Mapping[str, Iterable[Any]]) -> Drop:
    which = [f"{movie} person {person}" for movie, own in found.items() for person in own]
    return Drop(stage, reason, len(which), which)
