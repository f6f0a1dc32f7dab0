"""What check and import say of a film beforehand is what decode finds."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from derived import DERIVED

from rhas.base.errors import RhasError
from rhas.check.data import check_data
from rhas.config.decode import DecodeConfig
from rhas.config.params import Params, parse_params
from rhas.data.actions import FilmFrames
from rhas.data.audit import Audit
from rhas.data.foreign_tables import Clock, ForeignReference
from rhas.data.labels import read_label_map
from rhas.data.matching import match_tables
from rhas.decode.container import inspect_film
from rhas.decode.decoding import DecodeInput, decode_film
from rhas.decode.judgement import judge_film
from rhas.decode.reading import find_lost
from rhas.segment.request import identify_film

ROOT = Path(__file__).resolve().parents[2]
PARAMS = parse_params(
    Params,
    yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))
    | {"dataset": "own", "decode": {"short_side": 16}},
)
CLIPS = (
    "armwrestling_sar.mp4", "basketball_3people.mp4", "basketball_hevc.mkv",
    "basketball_vp9.webm", "bedroom_2children.mp4", "bedroom_vfr.mp4", "pancake_kitchen.mkv",
    "broken/audio_only_aac.mp4", "broken/derived_text_named.mp4", "broken/derived_truncated55.mkv",
    "broken/derived_truncated60_moov_last.mp4", "broken/derived_zero_length.mp4",
    "broken/lfs_pointer.mp4",
)  # fmt: skip


class Verdict(NamedTuple):
    """Why a film is refused ("": it is not), its frames, and its lost pictures."""

    cause: str
    frames: int = 0
    lost: int = 0


def judge(film: Path, config: DecodeConfig) -> Verdict:
    """Before anything is decoded, or where there is doubt after counting."""
    try:
        info = inspect_film(film)
    except RhasError as error:
        return Verdict(error.what)
    refused = [one.error.what for one in judge_film(info, "m", config) if one.refused]
    if refused:
        return Verdict(refused[0])
    lost = info.lost + len(find_lost(info))
    return Verdict("", len(FilmFrames.of_film("m", info, config.fps)), lost)


def decode(film: Path, config: DecodeConfig, out: Path) -> Verdict:
    try:
        report = decode_film(DecodeInput("m", film), config, out, lambda n: None)
    except RhasError as error:
        return Verdict(error.what)
    return Verdict("", report.frames, report.lost_frames)


def check(film: Path, root: Path) -> str:
    """The finding of `rhas check`; "" where the film is accepted."""
    own = root / "data" / "own"
    (own / "films").mkdir(parents=True)
    (own / "films" / f"m{film.suffix}").symlink_to(film)
    (own / "references.csv").write_text("movie,person,reference\nm,0,she\n")
    found = [c.found for c in check_data(PARAMS, root).checks if c.level == "fail"]
    return found[0] if found else ""


def audit(film: Path) -> str:
    """The finding of `rhas import`."""
    found = Audit()
    references = [ForeignReference("r:1", "m", "0", "she", "")]
    labels = read_label_map(None, None)
    match_tables({"m": film}, references, [], labels, None, Clock(), found, PARAMS.decode)
    names = ("unreadable film", "film of an impossible shape", "damaged film")
    return "".join(place for name in names for place in found.found.get(name, []))


def segment(film: Path) -> str:
    """Of `rhas segment`, before it loads a model."""
    try:
        identify_film(film, PARAMS.decode)
    except RhasError as error:
        return error.what
    return ""


def compare(film: Path, tmp_path: Path) -> Verdict:
    """The verdict of decode, after all others have been compared with it."""
    found = decode(film, PARAMS.decode, tmp_path / "out.h5")
    assert judge(film, PARAMS.decode) == found
    assert segment(film) == found.cause
    for said in (check(film, tmp_path), audit(film)):
        assert found.cause in said
        assert bool(said) == bool(found.cause)
    if not found.cause:
        return found
    kept = PARAMS.decode.replace(damaged="keep")
    known, report = judge(film, kept), decode(film, kept, tmp_path / "kept.h5")
    assert (known.cause, known.lost) == (report.cause, report.lost)
    return found


@pytest.mark.parametrize("name", DERIVED)
def test_derived_films(tmp_path: Path, name: str) -> None:
    write, cause = DERIVED[name]
    found = compare(write(tmp_path / name), tmp_path)
    assert found.cause.startswith(cause)
    assert bool(found.cause) == bool(cause)


@pytest.mark.parametrize("name", CLIPS)
def test_real_films(shared: Path, tmp_path: Path, name: str) -> None:
    if not (shared / "clips" / name).is_file():
        pytest.skip("this film is not there")
    found = compare(shared / "clips" / name, tmp_path)
    assert bool(found.cause) == name.startswith("broken/")
