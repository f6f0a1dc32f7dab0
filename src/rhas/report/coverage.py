"""How much of the data reached the method: frames with a crop, and what was dropped on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rhas.base.files import read_csv
from rhas.report.inputs import RunInputs
from rhas.report.results import read_object
from rhas.stores.manifest import SUBSETS, Manifest


@dataclass(frozen=True)
class FilmCoverage:
    """One film. Counts are pairs of a frame and a person.

    Args:
        movie: its name.
        sides: subsets that its samples lie in; none where nobody of it is annotated.
        seconds: its length.
        persons: references.
        detected: with a detected crop; any crop where it is not known which are interpolated.
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
        reason: why.
        count: how many.
        which: names, as far as they are known.
    """

    stage: str
    reason: str
    count: int
    which: Sequence[str] = ()


def read_coverage(run: RunInputs) -> list[FilmCoverage]:
    """The films of the manifest, in its order.

    Raises:
        RhasError: no manifest, samples or report of the feature stores.
    """
    fps = run.info.fps
    sides = defaultdict(set)
    for row in read_csv(run.samples / "index.csv"):
        sides[row["movie"]].add(row["split"])
    manifest = Manifest.read(run.stores.raw)
    movies = [film.movie for film in manifest.films]
    features = read_object(run.features / "report.json", *movies)
    tracks = _read_report(run.stores.tracks)
    films = []
    for film in manifest.films:
        facts, persons = features[film.movie], tracks.get(film.movie, {}).get("persons")
        missing = sum(facts["missing"])
        pairs = facts["frames"] * facts["persons"]
        filled = sum(person["interpolated"] for person in persons) if persons else 0
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


def read_drops(run: RunInputs, report: Mapping[str, Any]) -> list[Drop]:
    """What the stages' reports name, zeros included, in the order of the stages.

    Args:
        run: its inputs.
        report: ``report.json`` of its results.
    """
    info, test = run.info, report["test"]
    frames, boxes = _read_report(run.stores.frames), _read_report(run.stores.boxes)
    tracks, features = _read_report(run.stores.tracks), _read_report(run.features)
    dropped = defaultdict(int, info.dropped)
    drops: list[Drop] = []
    if frames:
        lost = {movie: facts["lost_frames"] for movie, facts in frames.items()}
        drops.append(_count_drop("decode", "frames that could not be decoded", lost))
    if boxes:
        for key, reason in (
            ("persons_never_found", "persons of whom grounding found no candidate at all"),
            ("cut_references", "references cut to the model's longest text"),
            ("unknown_words", "references with a word that the model does not know"),
            ("same_reference_as", "references that the model cannot tell from another"),
        ):
            found = {m: facts[key] for m, facts in boxes.items() if facts.get(key)}
            drops.append(_count_people("ground", reason, found))
    if tracks:
        without_crop = {
            movie: [p["person"] for p in facts["persons"] if not p["detected"]]
            for movie, facts in tracks.items()
        }
        drops.append(_count_people("crop", "persons without a single crop", without_crop))
    cut = {m: sum(facts.get("dropped_text_tokens", ())) for m, facts in features.items()}
    drops.append(
        _count_drop("extract", "words of references beyond the encoder's longest text", cut)
    )
    drops += [
        Drop("chunk", "persons without annotation", len(info.persons_without_annotation),
             info.persons_without_annotation),
        Drop("chunk", "last windows shorter than min_frames", dropped["tail_windows"]),
        Drop("chunk", "frames in those windows", dropped["tail_frames"]),
        Drop("chunk", "intervals outside their film", dropped["intervals_outside_film"]),
        Drop("chunk", "intervals cut at their film's end", dropped["intervals_cut_at_end"]),
        Drop("evaluate", "test frames without a crop", test["frames_without_crop"]),
        Drop("evaluate", "test persons without a single crop", len(test["persons_without_crop"]),
             test["persons_without_crop"]),
        Drop("evaluate", "classes not in val, predicted from the default threshold on",
             len(report["classes_with_default_threshold"])),
    ]  # fmt: skip
    return drops


@dataclass(frozen=True)
class FilmGroup:
    """Films that are counted together."""

    name: str
    films: Sequence[FilmCoverage]

    @property
    def persons(self) -> int:
        return sum(film.persons for film in self.films)

    @property
    def seconds(self) -> float:
        return sum(film.seconds for film in self.films)

    @property
    def pairs(self) -> int:
        return sum(film.pairs for film in self.films)

    @property
    def detected(self) -> int:
        return sum(film.detected for film in self.films)

    @property
    def interpolated(self) -> int:
        return sum(film.interpolated for film in self.films)

    def shares(self, has_tracks: bool) -> list[float | None]:
        """Per cent of the pairs that are detected, interpolated and missing.

        Args:
            has_tracks: it is known which crops are interpolated; else with and without a crop.
        """
        missing = sum(film.missing for film in self.films)
        counts = [self.detected, *([self.interpolated] if has_tracks else []), missing]
        return [100 * count / self.pairs if self.pairs else None for count in counts]


def group_films(films: Sequence[FilmCoverage]) -> list[FilmGroup]:
    """Films by the subsets they are in, joined by "+" where they are in several, and all films."""
    sides: dict[str, list[FilmCoverage]] = defaultdict(list)
    for film in films:
        sides["+".join(film.sides) or "not annotated"].append(film)
    order = [*SUBSETS, *sorted(set(sides) - set(SUBSETS))]
    groups = [FilmGroup(side, sides[side]) for side in order if side in sides]
    return [*groups, FilmGroup("all", films)]


def _read_report(folder: Path) -> dict[str, Any]:
    path = folder / "report.json"
    return read_object(path) if path.is_file() else {}


def _count_drop(stage: str, reason: str, counts: Mapping[str, int]) -> Drop:
    which = [f"{movie}: {count:,}" for movie, count in counts.items() if count]
    return Drop(stage, reason, sum(counts.values()), which)


def _count_people(stage: str, reason: str, found: Mapping[str, Iterable[Any]]) -> Drop:
    which = [f"{movie} person {person}" for movie, persons in found.items() for person in persons]
    return Drop(stage, reason, len(which), which)
