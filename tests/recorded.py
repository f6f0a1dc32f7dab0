"""Random films with persons, boxes and intervals, and what a format gives back of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from films import film_info
from hypothesis import strategies as st

from rhas.base.units import seconds_to_frame
from rhas.data.actions import (
    ActionInterval,
    FilmActions,
    FilmFrames,
    PersonActions,
    merge_intervals,
)
from rhas.data.audit import Audit
from rhas.data.formats import FORMATS
from rhas.data.formats.found import FilmCatalogue, FoundActions

MOVIE = "Hafen [Nacht] 港"
NAMES = ("walking", "handing over", "跑步", "машет", 'says "<b>hi</b>" & waves')
SENTENCES = ("the woman in the red coat", "المرأة ذات المعطف", 'the "tall" man, with <hat>')
Span = tuple[str, int, int]


def make_film(
    ticks: Sequence[int], time_base: Fraction, fps: float = 15.0, movie: str = MOVIE
) -> FilmFrames:
    """The frames of a film with pictures at these ticks; 64×48 from 128×96."""
    values = np.array(ticks)
    rate = Fraction(len(values)) / ((int(values[-1]) + 1) * time_base)
    info = film_info(
        path=Path(f"{movie}.mp4"), width=128, height=96, ticks=values, last_ticks=1,
        time_base=time_base, rate=rate,
    )  # fmt: skip
    return FilmFrames.of_film(movie, info, fps, 48)


@st.composite
def films(draw: st.DrawFn) -> FilmFrames:
    """Constant rates above and at the working rate, and rates that vary, with long still frames."""
    kind = draw(st.sampled_from(["constant", "constant", "variable"]))
    count = draw(st.integers(4, 90))
    if kind == "constant":
        rate = draw(st.sampled_from([Fraction(15), Fraction(25), Fraction(30000, 1001), 60]))
        return make_film(range(count), 1 / Fraction(rate))
    steps = np.random.default_rng(draw(st.integers(0, 2**16))).integers(1, 13, count)
    return make_film(np.cumsum(steps) - steps[0], Fraction(1, 60))


@st.composite
def film_actions(draw: st.DrawFn) -> FilmActions:
    """Up to three persons, of whom one may have no box; intervals of all actions may overlap."""
    film = draw(films())
    count = draw(st.integers(1, 3))
    persons = [draw(person_actions(film, SENTENCES[n])) for n in range(count)]
    return FilmActions(film, tuple(persons))


@st.composite
def person_actions(draw: st.DrawFn, film: FilmFrames, reference: str) -> PersonActions:
    frames = len(film)
    spans = st.tuples(st.integers(0, frames - 1), st.integers(1, frames), st.sampled_from(NAMES))
    intervals = [
        ActionInterval(name, start, min(start + length, frames), 0.5)
        for start, length, name in draw(st.lists(spans, max_size=6))
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    corners = np.cumsum(rng.normal(0, draw(st.sampled_from([0.0, 2.0])), (frames, 2)), 0)
    corners = (corners + 10).clip(0, 28)
    boxes = np.hstack([corners, corners + 20]).astype(np.float32)
    edges = sorted(draw(st.lists(st.integers(0, frames), max_size=4)))
    present = np.ones(frames, bool)
    for edge in edges:
        present[edge:] = ~present[edge:]
    boxes[~present] = np.nan
    return PersonActions(
        reference, tuple(intervals), boxes, present.astype(np.float32), present.astype(np.uint8)
    )


@dataclass(frozen=True)
class Answer:
    """What a format gave back of a person."""

    sentence: str
    spans: list[Span]
    boxes: np.ndarray | None


def read_back(form: str, film: FilmActions, folder: Path) -> tuple[list[Answer], Audit]:
    """The persons of a film after it was written in a format and read, in the file's order."""
    paths = FORMATS[form].write([film], folder)
    audit = Audit()
    read = FORMATS[form].read
    assert read is not None
    found = read(paths[0], FilmCatalogue({film.film.movie: film.film}, audit))
    return list_answers(found, film.film), audit


def list_answers(found: FoundActions, film: FilmFrames) -> list[Answer]:
    return [
        Answer(
            person.sentence,
            list_spans(
                ActionInterval(
                    a.action,
                    seconds_to_frame(a.start_s, film.fps),
                    seconds_to_frame(a.end_s, film.fps),
                )
                for a in found.annotations
                if a.person == person.key
            ),
            person.boxes,
        )
        for person in found.persons
    ]


def list_spans(intervals) -> list[Span]:
    """Action, start and stop of the merged intervals."""
    merged = merge_intervals([ActionInterval(i.action, i.start, i.stop) for i in intervals])
    return [(i.action, i.start, i.stop) for i in merged]
