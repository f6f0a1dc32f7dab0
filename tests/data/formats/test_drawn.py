"""Tracks that labelling tools' files give: the boxes of the file, to the frame."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from recorded import film_actions, make_film

from rhas.data.actions import FilmActions, FilmFrames
from rhas.data.audit import Audit
from rhas.data.formats import FORMATS
from rhas.data.formats.found import FilmCatalogue, FoundActions
from rhas.data.formats.keyframes import Keyframe, draw_boxes, join_tracks, make_track, thin_track
from rhas.stores.drawn import DrawnKind, DrawnTrack

NO_CUTS = np.zeros(0, np.int32)


def read_format(form: str, film: FilmActions, folder: Path) -> FoundActions:
    paths = FORMATS[form].write([film], folder)
    read = FORMATS[form].read
    assert read is not None
    return read(paths[0], FilmCatalogue({film.film.movie: film.film}, Audit()))


def draw_at_frames(track: DrawnTrack, film: FilmFrames) -> np.ndarray:
    """Boxes at the working frames, in their pixels; not clipped."""
    scaled = track.scale(1 / film.scale)
    return scaled.draw(film.times[film.shown], NO_CUTS, 10**6, 10**6).boxes


@settings(max_examples=20, deadline=None)
@given(film=film_actions())
def test_a_track_has_the_boxes_of_the_file(film: FilmActions) -> None:
    """CVAT and MOT count the film's own frames, which may vary in length: straight over frames."""
    for form in ("cvat", "mot"):
        with tempfile.TemporaryDirectory() as folder:
            found = read_format(form, film, Path(folder))
        for person in found.persons:
            if person.boxes is None:
                assert not person.tracks
                continue
            (track,) = person.tracks
            drawn = draw_at_frames(track, film.film)
            assert np.array_equal(np.isfinite(drawn), np.isfinite(person.boxes)), form
            apart = np.nan_to_num(np.abs(drawn - np.clip(person.boxes, 0, None)))
            assert apart.max(initial=0) < 0.05, form


@settings(max_examples=20, deadline=None)
@given(film=film_actions())
def test_a_track_of_all_frames_thinned_is_the_same(film: FilmActions) -> None:
    shown = film.film.shown
    alone = ~np.isin(shown, shown[1:][np.diff(shown) == 0])
    for person in film.persons:
        drawn = draw_at_frames(thin_track(person, film.film), film.film)
        present = person.present
        assert np.array_equal(np.isfinite(drawn).all(1)[alone], present[alone])
        both = present & alone
        np.testing.assert_allclose(drawn[both], person.boxes[both].clip(0), atol=0.05)


def test_a_line_over_frames_is_bent_over_time() -> None:
    """Frames at 0, 1, 2, 8, 9 sixtieths: in the middle of the frames is not in that of the time."""
    film = make_film([0, 1, 2, 8, 9], Fraction(1, 60), fps=60)
    keyframes = [Keyframe(0, (0, 0, 10, 10), True), Keyframe(4, (40, 0, 50, 10), True)]
    track = make_track(keyframes, film)
    assert len(track.times) > 2
    drawn = draw_at_frames(track, film)
    np.testing.assert_allclose(drawn, draw_boxes(keyframes, film), atol=0.05)


def test_at_a_constant_rate_there_are_the_keyframes_alone() -> None:
    film = make_film(range(100), Fraction(1, 25))
    keyframes = [Keyframe(10, (0, 0, 10, 10), True), Keyframe(50, (40, 0, 50, 10), True),
                 Keyframe(80, (40, 0, 50, 10), False)]  # fmt: skip
    track = make_track(keyframes, film)
    np.testing.assert_allclose(track.times, [0, 0.4, 2, 3.2])
    kinds = [DrawnKind.ABSENT, DrawnKind.BOX, DrawnKind.BOX, DrawnKind.ABSENT]
    assert track.kinds.tolist() == kinds


def test_pieces_of_one_person_are_one_track_and_what_overlaps_is_counted() -> None:
    film = make_film(range(100), Fraction(1, 25))

    def stretch(start: int, stop: int, left: float) -> DrawnTrack:
        box = (left, 0, left + 10, 10)
        return make_track([Keyframe(start, box, True), Keyframe(stop, box, False)], film)

    track, left_out = join_tracks([stretch(50, 75, 20), stretch(0, 25, 0), stretch(70, 80, 40)])
    assert left_out == 1
    drawn = track.draw(np.arange(100) / 25, NO_CUTS, 100, 100)
    assert np.flatnonzero(drawn.source).tolist() == [*range(25), *range(50, 75)]
    assert drawn.boxes[60, 0] == 20
