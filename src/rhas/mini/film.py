"""A film's file and its truth.

F source frames, P persons. Times are seconds from the film's first picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from rhas.mini.attributes import classify_lookalike
from rhas.mini.camera import find_view, place_people
from rhas.mini.references import sample_reference
from rhas.mini.render import Renderer
from rhas.mini.simulate import invent_story
from rhas.mini.spec import FILM_KEY, FilmSpec
from rhas.mini.story import MINI_CLASSES, Story, find_shot, list_labels

_GRID = 0.2  # seconds between the moments at which presence in the picture is tested
_SHORTEST = 0.25  # seconds; shorter labels are dropped
_SOUND_RATE = 22050

Interval = tuple[int, str, float, float]


@dataclass(frozen=True)
class FilmFacts:
    """What is known of a film without drawing it."""

    references: list[str]
    """One sentence per person; a person's number is the index."""
    intervals: list[Interval]
    """(person, class name, start, end) in seconds, by person, then start."""
    cuts: list[int]
    """Source frames that start a new shot, without frame 0."""
    attributes: list[dict[str, str | bool | None]]
    """Per person, see :class:`rhas.mini.attributes.Attributes`."""
    lookalikes: list[str]
    """Per person, see :func:`rhas.mini.attributes.classify_lookalike`."""
    frames: int
    """F, source frames."""
    presence: list[list[tuple[float, float]]]
    """Per person, the stretches in seconds during which they are in the picture."""


@dataclass(frozen=True)
class FilmTruth:
    """What is known of a rendered film."""

    references: list[str]
    intervals: list[Interval]
    boxes: NDArray[np.float32]
    """(F, P, 4) x0, y0, x1, y1 in pixels of the source frame; NaN where not visible."""
    visible: NDArray[np.float32]
    """(F, P) visible fraction of the figure, 0 to 1."""
    cuts: list[int]
    attributes: list[dict[str, str | bool | None]]
    lookalikes: list[str]


def make_generators(spec: FilmSpec) -> tuple[np.random.Generator, ...]:
    """Independent streams for story, references, drawing and sound."""
    root = np.random.SeedSequence([spec.seed, spec.index], spawn_key=(FILM_KEY,))
    return tuple(np.random.default_rng(child) for child in root.spawn(4))


def make_film_story(spec: FilmSpec) -> Story:
    """Invent a film; nothing is drawn."""
    return invent_story(
        make_generators(spec)[0], spec.frames / float(spec.rate), spec.width / spec.height,
        sides=spec.sides,
    )  # fmt: skip


def make_film_renderer(spec: FilmSpec, story: Story) -> Renderer:
    """Draws single moments of a film as :func:`write_film` does, before encoding.

    Args:
        spec: the film.
        story: from :func:`make_film_story` of the same film.
    """
    return Renderer(story, make_generators(spec)[2], spec.width, spec.height)


def simulate_film(spec: FilmSpec) -> FilmFacts:
    """The annotations of a film, without drawing it."""
    return collect_facts(spec, make_film_story(spec))


def collect_facts(spec: FilmSpec, story: Story) -> FilmFacts:
    rng = make_generators(spec)[1]
    attributes = [appearance.attributes for appearance in story.cast]
    presence = _find_presence(spec, story)
    intervals: list[Interval] = []
    for person, timeline in enumerate(story.timelines):
        pieces: dict[str, list[tuple[float, float]]] = {}
        for name, start, end in sorted(list_labels(timeline), key=lambda entry: entry[1]):
            for t0, t1 in presence[person]:
                a, b = max(start, t0), min(end, t1)
                if b > a:
                    pieces.setdefault(name, []).append((a, b))
        for name in MINI_CLASSES:
            merged = merge_stretches(pieces.get(name, []))
            intervals += [
                (person, name, round(a, 3), round(b, 3)) for a, b in merged if b - a >= _SHORTEST
            ]
    intervals.sort(key=lambda entry: (entry[0], entry[2], entry[1]))
    rate = float(spec.rate)
    shots = [find_shot(story, n / rate) for n in range(spec.frames)]
    return FilmFacts(
        references=[sample_reference(rng, p, attributes) for p in range(len(attributes))],
        intervals=intervals,
        cuts=[n for n in range(1, spec.frames) if shots[n] != shots[n - 1]],
        attributes=[a.as_dict() for a in attributes],
        lookalikes=[classify_lookalike(p, attributes) for p in range(len(attributes))],
        frames=spec.frames,
        presence=presence,
    )


def _find_presence(spec: FilmSpec, story: Story) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[] for _ in story.cast]
    for shot in story.shots:
        t0, t1 = shot.t0, min(shot.t1, story.seconds)
        steps = max(1, round((t1 - t0) / _GRID))
        for n in range(steps):
            a, b = t0 + (t1 - t0) * n / steps, t0 + (t1 - t0) * (n + 1) / steps
            t = (a + b) / 2
            view = find_view(story, shot, t, spec.height)
            for q in place_people(story, shot, t, view, (spec.width, spec.height)):
                if q.visible > 0:
                    pieces[q.person].append((a, b))
    return [merge_stretches(p) for p in pieces]


def merge_stretches(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Join stretches that touch; they come in the order of their starts."""
    out: list[tuple[float, float]] = []
    for a, b in pieces:
        if out and a - out[-1][1] < 1e-6:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def write_film(
    spec: FilmSpec, folder: Path, progress: Callable[[int], None] | None = None
) -> FilmTruth:
    """Render a film to ``folder/<movie>.<container>``.

    Args:
        spec: from :func:`rhas.mini.film_specs`.
        folder: exists.
        progress: called with the number of frames written since the last call.

    Returns:
        The truth of the film, boxes included.
    """
    story = make_film_story(spec)
    facts = collect_facts(spec, story)
    renderer, sound = make_film_renderer(spec, story), make_generators(spec)[3]
    count, persons = spec.frames, len(story.cast)
    boxes = np.full((count, persons, 4), np.nan, np.float32)
    visible = np.zeros((count, persons), np.float32)
    rate = float(spec.rate)

    def draw(n: int) -> NDArray[np.uint8]:
        placed, _ = renderer.draw_frame(n / rate)
        for q in placed:
            if q.visible > 0:
                boxes[n, q.person] = q.box
                visible[n, q.person] = q.visible
        return renderer.pixels

    encode_film(spec, folder / spec.file_name, draw, sound, progress)
    return FilmTruth(facts.references, facts.intervals, boxes, visible, facts.cuts,
                     facts.attributes, facts.lookalikes)  # fmt: skip


def encode_film(
    spec: FilmSpec, path: Path, draw: Callable[[int], NDArray[np.uint8]],
    sound: np.random.Generator, progress: Callable[[int], None] | None,
) -> None:  # fmt: skip
    bitexact = {"fflags": "+bitexact"}
    with av.open(str(path), "w", options=bitexact) as container:
        video = container.add_stream("libx264", rate=spec.rate)
        video.width, video.height, video.pix_fmt = spec.width, spec.height, "yuv420p"
        video.codec_context.time_base = 1 / spec.rate
        video.codec_context.thread_count = 1
        video.options = {
            "crf": "24", "preset": "veryfast", "threads": "1", "g": "120",
            "flags": "+bitexact",
            "x264-params": "mbtree=0",  # x264's AVX-512 form of it gives other bytes every time
        }  # fmt: skip
        audio = None
        if spec.audio:
            audio = container.add_stream("aac", rate=_SOUND_RATE, layout="mono")
            audio.options = {"flags": "+bitexact"}
            noise = _SoundTrack(sound)
        written = 0
        for n in range(spec.frames):
            frame = av.VideoFrame.from_ndarray(draw(n), format="rgba")
            frame.pts = n
            frame.time_base = 1 / spec.rate
            container.mux(video.encode(frame))
            if audio is not None:
                due = int((n + 1) / float(spec.rate) * _SOUND_RATE)
                while written + 1024 <= due:
                    container.mux(audio.encode(noise.make_block(written)))
                    written += 1024
            if progress is not None:
                progress(1)
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))


class _SoundTrack:
    """Room noise and a slow hum of a few tones."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.tones = [(float(rng.uniform(90, 500)), float(rng.uniform(0.05, 0.4)))
                      for _ in range(3)]  # fmt: skip

    def make_block(self, start: int) -> av.AudioFrame:
        """1,024 samples from a position on."""
        t = (start + np.arange(1024)) / _SOUND_RATE
        wave = 0.01 * self.rng.standard_normal(1024)
        for pitch, pulse in self.tones:
            wave += 0.04 * np.sin(2 * np.pi * pitch * t) * (0.5 + 0.5 * np.sin(pulse * t * 6.28))
        frame = av.AudioFrame.from_ndarray(
            wave.astype(np.float32)[None, :], format="fltp", layout="mono"
        )
        frame.sample_rate = _SOUND_RATE
        frame.pts = start
        frame.time_base = Fraction(1, _SOUND_RATE)
        return frame
