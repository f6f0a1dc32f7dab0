"""Films with tables: every defect becomes the finding of its name, and nothing else is lost."""

from __future__ import annotations

import json
import math
import os
import unicodedata
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from films import write_film, write_sound

from rhas.base.errors import RhasError
from rhas.base.names import movie_name
from rhas.config.decode import DecodeConfig
from rhas.data.annotations import TimedAction, read_annotations
from rhas.data.audit import FINDINGS, Audit
from rhas.data.ava import read_ava, read_excluded_moments
from rhas.data.films import find_films, report_other_suffixes
from rhas.data.foreign_tables import Clock, read_foreign_annotations, read_foreign_references
from rhas.data.labels import find_id_base, read_label_map
from rhas.data.matching import match_tables
from rhas.data.params_file import set_params
from rhas.data.user_films import UserFilms, read_user_films
from rhas.data.user_folder import check_free, check_none_lost, write_user_films
from rhas.prepare.user_films import assemble_user_films
from rhas.stores.manifest import Manifest

NAME = 'it\'s a "film" [b] 料理'
HEADER = "movie,person,action,start_s,end_s\n"
QUOTED = '"it\'s a ""film"" [b] 料理"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of 2 seconds at 25 pictures a second, and files that are none."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "films").mkdir()
    first = write_film(folder / "films" / "a.mp4", range(50), Fraction(1, 25))
    (folder / "films" / f"{NAME}.MP4").write_bytes(first.read_bytes())
    (folder / "films" / "notes.txt").write_text("no film")
    return folder


def brought(
    folder: Path, tmp_path: Path, references: str, annotations: str | None = None, **how: object
) -> tuple[UserFilms, dict[str, list[str]]]:
    """What is kept, and the findings without their places' file."""
    (tmp_path / "references.csv").write_text(references, "utf-8")
    audit, clock = Audit(), how.get("clock", Clock())
    rows = []
    if annotations is not None:
        (tmp_path / "annotations.csv").write_text(annotations, "utf-8")
        rows = read_foreign_annotations(tmp_path / "annotations.csv", clock, audit)
    kept = match_tables(
        find_films(folder),
        read_foreign_references(tmp_path / "references.csv", audit),
        rows,
        how.get("labels", read_label_map(None, None)),
        how.get("base"),
        clock,
        audit,
        DecodeConfig(),
    )
    strip = f"{tmp_path}/"
    return kept, {n: [p.replace(strip, "") for p in ps] for n, ps in audit.found.items()}


def test_films_of_any_name_become_a_data_set(folder: Path, tmp_path: Path) -> None:
    """As far as the manifest that the prepare stage makes of it."""
    kept, found = brought(
        folder,
        tmp_path,
        "movie,person,reference,subset\n"
        f"a,0,the man,train\n{QUOTED},0,she,val\n{QUOTED},1,he,val\n",
        HEADER + f"a,0,walking,0,1\n{QUOTED},1,running,0.5,2\n{QUOTED},0,standing,0,2\n",
    )
    assert found == {}
    out, raw = tmp_path / "own", tmp_path / "raw"
    write_user_films(kept, out, copy=False)
    raw.mkdir()
    assemble_user_films(out, raw)
    manifest = Manifest.read(raw)
    assert [(f.movie, f.file, f.references, f.subset) for f in manifest.films] == [
        ("a", "films/a.mp4", ("the man",), "train"),
        (NAME, f"films/{NAME}.mp4", ("she", "he"), "val"),
    ]
    assert read_annotations(raw) == [
        TimedAction("a", 0, "walking", 0, 1),
        TimedAction(NAME, 0, "standing", 0, 2),
        TimedAction(NAME, 1, "running", 0.5, 2),
    ]
    assert (out / "films" / "a.mp4").samefile(folder / "films" / "a.mp4")
    with pytest.raises(RhasError, match="there are data already"):
        check_free(out, replace=False)
    check_free(out, replace=True)
    (out / "README.md").write_text("stays")
    write_user_films(
        UserFilms({"a": folder / "films" / "a.mp4"}, {"a": ("x",)}, {"a": None}, []), out, True
    )
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == [
        "README.md", "films/a.mp4", "references.csv",
    ]  # fmt: skip
    assert not (out / "films" / "a.mp4").samefile(folder / "films" / "a.mp4")


def test_a_film_that_lies_where_the_import_writes_is_kept_or_refused(tmp_path: Path) -> None:
    """Another hard link to it elsewhere makes a film no less safe, a symbolic link does."""
    here, there = tmp_path / "own" / "films", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (there / name).write_bytes(name.encode())
    (here / "a.mp4").hardlink_to(there / "a.mp4")
    (here / "b.mp4").write_bytes(b"not that one")
    (here / "d.mp4").write_bytes(b"d")
    (there / "linked.mp4").symlink_to(here / "d.mp4")
    by_hand = find_films(there)
    check_none_lost([p for p in by_hand.values() if p.stem != "linked"], [], tmp_path / "own")
    with pytest.raises(RhasError, match=r"(?s)own/films: .*delete films.*got: d\.mp4\n"):
        check_none_lost(by_hand.values(), [], tmp_path / "own")
    films = find_films(tmp_path / "own")
    with pytest.raises(RhasError, match=r"got: b\.mp4, d\.mp4\n"):
        check_none_lost(films.values(), [films["a"]], here / ".." / ".." / "own")
    check_none_lost(films.values(), films.values(), tmp_path / "own")
    check_none_lost(films.values(), [], tmp_path / "new")


REFERENCES = "movie,person,reference\na,0,the man\n"


@pytest.mark.parametrize(
    ("line", "finding", "place"),
    [
        ("a,0,walking,0,x", "malformed line", "annotations.csv:2: times '0', 'x'"),
        ("a,0,walking,0", "malformed line", "4 values for 5 columns"),
        ("a,0,walking,nan,1", "malformed line", "nan"),
        ("a,0,wlaking,0,1", "unknown class", "'wlaking', did you mean 'walking'?"),
        ("a,0_,walking,0,1", "suspicious person id", "'0_'"),
        ("a,,walking,0,1", "suspicious person id", "''"),
        ("a,1,walking,0,1", "person without reference", "references are of 0"),
        ("b,0,walking,0,1", "annotation without film", "annotations.csv:2: b"),
        ("a,0,walking,1,1", "interval without length", "1.000 to 1.000 s"),
        ("a,0,walking,0.1,0.1004", "interval without length", "0.100 to 0.100 s"),
        ("a,0,walking,2,3", "interval outside the film", "of 2.000 s"),
        ("a,0,walking,1.9996,2.5", "interval outside the film", "of 2.000 s"),
        ("a,0,walking,-1,1", "interval outside the film", "-1.000"),
        ("a,0,walking,1,3.5", "interval outside the film", "3.500"),
    ],
)
def test_lines_that_cannot_be_kept(
    folder: Path, tmp_path: Path, line: str, finding: str, place: str
) -> None:
    kept, found = brought(folder, tmp_path, REFERENCES, f"{HEADER}{line}\na,0,running,0,1\n")
    assert FINDINGS[finding][0] == "drop"
    assert place in found[finding][0]
    assert kept.annotations == [TimedAction("a", 0, "running", 0, 1)]


@pytest.mark.parametrize("offset", [math.nan, math.inf, -math.inf])
def test_times_that_are_no_numbers_are_outside(folder: Path, tmp_path: Path, offset: float) -> None:
    clock = Clock(offset_s=offset)
    kept, found = brought(folder, tmp_path, REFERENCES, HEADER + "a,0,walking,0,1\n", clock=clock)
    assert not kept.annotations
    assert {"interval outside the film", "interval without length"} & found.keys()


def test_times_are_judged_as_they_are_written(folder: Path, tmp_path: Path) -> None:
    lines = "a,0,walking,-0.0004,0.5\na,0,running,0.1,3.0004\n"
    kept, found = brought(folder, tmp_path, REFERENCES, HEADER + lines)
    assert "interval outside the film" not in found
    write_user_films(kept, tmp_path / "own", copy=False)
    assert ",0.000,0.500\n" in (tmp_path / "own" / "annotations.csv").read_text()
    assert len(read_user_films(tmp_path / "own").annotations) == 2


def test_a_line_of_an_unknown_class_is_looked_at_in_full(folder: Path, tmp_path: Path) -> None:
    lines = "a,0_,stand,0,1\na,0,stand,1,9\na,0,running,0,1\n"
    kept, found = brought(folder, tmp_path, REFERENCES, HEADER + lines)
    assert len(found["unknown class"]) == 2
    assert "annotations.csv:2" in found["suspicious person id"][0]
    assert "annotations.csv:3" in found["interval outside the film"][0]
    assert kept.annotations == [TimedAction("a", 0, "running", 0, 1)]


def test_films_whose_ending_is_not_read_are_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    for name in ("a.mp4", "b.mxf", "C.RM", ".d.rm", "notes.txt"):
        (tmp_path / "films" / name).write_bytes((folder / "films" / "a.mp4").read_bytes())
    audit = Audit()
    report_other_suffixes(tmp_path, audit)
    assert [place.split(",")[0].rpartition("/")[2] for place in
            audit.found["film of another ending"]] == ["C.RM", "b.mxf"]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "finding", "kept_lines"),
    [
        ("a,0,walking,0,1\na,0,walking,0,1\n", "duplicate", 1),
        ("a,0,walking,0,1\na,0,walking,0.5,2\n", "overlap of one class", 2),
        ("a,0,walking,0,2\na,0,walking,0.5,1\na,0,walking,1.5,2\n", "overlap of one class", 3),
        ("a,0,walking,1,2.9\n", "ends after the film", 1),
        ("a.mp4,0,walking,1,2\n", "name with an ending", 1),
        ("a,0,seaching,0,1\na,0,searching,1,2\n", "class under two names", 2),
    ],
)
def test_what_is_odd_and_kept(
    folder: Path, tmp_path: Path, lines: str, finding: str, kept_lines: int
) -> None:
    kept, found = brought(folder, tmp_path, REFERENCES, HEADER + lines)
    assert FINDINGS[finding][0] != "drop"
    assert finding in found
    assert len(kept.annotations) == kept_lines


def test_an_overlap_names_both_lines(folder: Path, tmp_path: Path) -> None:
    lines = HEADER + "a,0,walking,0,2\na,0,walking,0.5,1\na,0,walking,1.5,2\n"
    _, found = brought(folder, tmp_path, REFERENCES, lines)
    assert [place.count("annotations.csv:2") for place in found["overlap of one class"]] == [1, 1]


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        ("b,0,x\n", "reference without film"),
        ("a,she,x\n", "suspicious person id"),
        ("a,1,\n", "empty reference"),
        ("a,0,x\n", "person twice in references"),
        ("a,2,x,y\n", "malformed line"),
        ('a,1,"an open quote\na,2,who\n', "malformed line"),
        ("a,1,x\0y\n", "malformed line"),
        ("a,00,x\n", "persons alike but for spelling"),
    ],
)
def test_defects_of_references(folder: Path, tmp_path: Path, lines: str, finding: str) -> None:
    kept, found = brought(folder, tmp_path, REFERENCES + lines)
    assert finding in found
    assert kept.references["a"][0] == "the man"
    assert found["film without reference"] == [str(folder / "films" / f"{NAME}.MP4")]


def test_a_subset_that_is_none_or_two(folder: Path, tmp_path: Path) -> None:
    table = "movie,person,reference,subset\na,0,x,train\na,1,y,val\na,2,z,dev\n"
    kept, found = brought(folder, tmp_path, table)
    assert kept.subsets == {"a": "train"}
    assert len(found["unknown subset"]) == 3


def test_persons_are_renumbered_and_it_is_said(folder: Path, tmp_path: Path) -> None:
    table = "movie,person,reference\na,7,seven\na,3,three\na,10,ten\n"
    kept, found = brought(folder, tmp_path, table, HEADER + "a,10,walking,0,1\na,3,running,0,1\n")
    assert kept.references["a"] == ("three", "seven", "ten")
    assert found["persons renumbered"] == ["a: 3 -> 0, 7 -> 1, 10 -> 2"]
    assert [(a.person, a.action) for a in kept.annotations] == [(0, "running"), (2, "walking")]
    assert found["person without annotations"] == ["a, person 7"]


def test_films_and_persons_without_annotations(folder: Path, tmp_path: Path) -> None:
    table = f"movie,person,reference\na,0,x\na,1,y\n{QUOTED},0,z\n"
    _, found = brought(folder, tmp_path, table, HEADER + "a,0,walking,0,1\n")
    assert found == {
        "person without annotations": ["a, person 1"],
        "film without annotations": [NAME],
    }
    assert brought(folder, tmp_path, table)[1] == {}  # films to be segmented only


def test_frame_numbers(folder: Path, tmp_path: Path) -> None:
    header = "movie,person,action,start_frame,end_frame\n"
    kept, found = brought(folder, tmp_path, REFERENCES, header + "a,0,walking,25,50\n",
                          clock=Clock(25.0))  # fmt: skip
    assert kept.annotations == [TimedAction("a", 0, "walking", 1.0, 2.0)]
    assert found == {"film without reference": [str(folder / "films" / f"{NAME}.MP4")]}
    kept, found = brought(folder, tmp_path, REFERENCES, header + "a,0,walking,25,50\n",
                          clock=Clock(30.0, offset_s=0.5))  # fmt: skip
    assert kept.annotations[0].start_s == pytest.approx(25 / 30 - 0.5)
    assert found["frame rates differ"] == ["a: --fps 30, film 25.000"]
    with pytest.raises(RhasError, match="frame numbers without their rate"):
        brought(folder, tmp_path, REFERENCES, header + "a,0,walking,25,50\n")
    with pytest.raises(RhasError, match="the table has none"):
        brought(folder, tmp_path, REFERENCES, HEADER + "a,0,walking,0,1\n", clock=Clock(25.0))


def test_broken_and_unreadable_films(folder: Path, tmp_path: Path) -> None:
    films = tmp_path / "other"
    films.mkdir()
    whole = write_film(films / "a.mkv", range(120), Fraction(1, 25)).read_bytes()
    (films / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    (films / "text.mp4").write_text("<html>not found</html>")
    write_sound(films / "sound.mp4")
    table = "movie,person,reference\na,0,x\ncut,0,y\ntext,0,z\nsound,0,z\n"
    kept, found = brought(
        films, tmp_path, table, HEADER + "cut,0,walking,0,4\ntext,0,walking,0,1\n"
    )
    assert sorted(kept.files) == ["a", "cut"]
    assert len(found["unreadable film"]) == 2
    assert "damaged film" in found
    assert kept.annotations == [TimedAction("cut", 0, "walking", 0, 4)]


@pytest.mark.parametrize(
    "name", ["../a", "/etc/a", "a/b", "..", ".a", "a\\b", "a\x00", "", "ü" * 101]
)
def test_names_that_are_paths_are_refused(folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(RhasError, match="a movie's name"):
        movie_name(name, "here")
    quoted = f'"{name}"'
    if "\x00" not in name:
        with pytest.raises(RhasError, match=r"references\.csv:2"):
            brought(folder, tmp_path, f"movie,person,reference\n{quoted},0,x\n")
        with pytest.raises(RhasError, match=r"annotations\.csv:2"):
            brought(folder, tmp_path, REFERENCES, f"{HEADER}{quoted},0,walking,0,1\n")


def test_decomposed_letters_find_their_film(tmp_path: Path, folder: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café")
    films = tmp_path / "films"
    films.mkdir()
    os.link(folder / "films" / "a.mp4", films / f"{decomposed}.mp4")
    kept, found = brought(films, tmp_path, f"movie,person,reference\n{decomposed},0,x\ncafé,1,y\n")
    assert kept.references == {"café": ("x", "y")}
    assert "name in decomposed letters" in found


def test_folders_without_films(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(RhasError, match="no such folder"):
        find_films(tmp_path / "none")
    with pytest.raises(RhasError, match="no film"):
        find_films(tmp_path)
    for name in ("a.mp4", "a.mkv"):
        os.link(folder / "films" / "a.mp4", tmp_path / name)
    with pytest.raises(RhasError, match=r"a\.mkv, a\.mp4"):
        find_films(tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"movie;person,reference\n", "separate the columns by commas"),
        (b"movie,person\n", "add reference"),
        (b"", "the table is empty"),
        (b"movie,person,reference\na,0," + b"x" * 200_000, r"t\.csv:2: not a CSV table"),
        ("movie,person,reference\na,0,Män\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(RhasError, match=message):
        read_foreign_references(tmp_path / "t.csv", Audit())
    with pytest.raises(RhasError, match="no such table"):
        read_foreign_references(tmp_path / "u.csv", Audit())


# AVA's format


def ava(tmp_path: Path, text: str, step: float = 1.0, **how: object) -> tuple[list[tuple], Audit]:
    (tmp_path / "ava.csv").write_text(text)
    audit = Audit()
    rows = read_ava(
        tmp_path / "ava.csv", how.get("clock", Clock()), step, how.get("excluded", {}), audit
    )
    return [(r.movie, r.person, r.action, r.start_s, r.end_s) for r in rows], audit


BOX = "0.1,0.1,0.5,0.9"


def test_key_moments_become_intervals(tmp_path: Path) -> None:
    lines = "".join(f"m,0{t},{BOX},12,3\n" for t in (902, 903, 905)) + f"m,0903,{BOX},12,4\n"
    rows, audit = ava(tmp_path, lines)
    assert rows == [
        ("m", "3", "12", 901.5, 903.5),
        ("m", "3", "12", 904.5, 905.5),
        ("m", "4", "12", 902.5, 903.5),
    ]
    assert audit.found == {}
    assert ava(tmp_path, lines, step=2.0)[0][0] == ("m", "3", "12", 901.0, 906.0)
    assert ava(tmp_path, lines, clock=Clock(offset_s=902.0))[0][0][3:] == (0.0, 1.5)
    frames, _ = ava(tmp_path, f"m,30,{BOX},1,0\nm,31,{BOX},1,0\n", clock=Clock(15.0))
    assert frames == [("m", "0", "1", 29.5 / 15, 31.5 / 15)]


def test_lines_of_ava_that_cannot_be_kept(tmp_path: Path) -> None:
    rows, audit = ava(
        tmp_path,
        "movie,moment,x1,y1,x2,y2,action,person\n"
        f"m,1,{BOX},12,3\nm,1,{BOX},12,3\nm,2,{BOX},12\nm,x,{BOX},12,3\nm,3,0.5,0,0.1,1,12,3\n",
    )
    assert len(rows) == 1
    assert len(audit.found["duplicate"]) == 1
    assert len(audit.found["malformed line"]) == 3


def test_a_broken_first_line_of_ava_is_no_header(tmp_path: Path) -> None:
    rows, audit = ava(tmp_path, f"m,9o2,{BOX},12,3\nm,903,{BOX},12,3\n")
    assert len(rows) == 1
    assert "ava.csv:1: m,9o2," in audit.found["malformed line"][0]


def test_excluded_moments(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("m,0903\n")
    excluded = read_excluded_moments(tmp_path / "out.csv")
    lines = "".join(f"m,0{t},{BOX},12,3\n" for t in (902, 903, 904))
    rows, audit = ava(tmp_path, lines, excluded=excluded)
    assert [row[3:] for row in rows] == [(901.5, 902.5), (903.5, 904.5)]
    assert len(audit.found["excluded moment"]) == 1
    (tmp_path / "out.csv").write_text("m,0903,1\n")
    with pytest.raises(RhasError, match="malformed line"):
        read_excluded_moments(tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("table", "listed"),
    [("café", unicodedata.normalize("NFD", "café")), (unicodedata.normalize("NFD", "café"), "café"),
     ("café.mp4", "café"), ("café", "café.MP4"), ("a.b", "a.b.mkv")],
)  # fmt: skip
def test_excluded_moments_of_a_film_in_another_spelling(
    tmp_path: Path, table: str, listed: str
) -> None:
    (tmp_path / "out.csv").write_text(f"{listed},903\n", "utf-8")
    excluded = read_excluded_moments(tmp_path / "out.csv")
    lines = "".join(f"{table},{t},{BOX},12,3\n" for t in (902, 903))
    rows, audit = ava(tmp_path, lines, excluded=excluded)
    assert [row[3:] for row in rows] == [(901.5, 902.5)]
    assert len(audit.found["excluded moment"]) == 1
    assert "excluded moment without film" not in audit.found


def test_excluded_moments_of_a_film_that_the_table_lacks(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("harbuor,903\nharbour,1000\n")
    excluded = read_excluded_moments(tmp_path / "out.csv")
    _, audit = ava(tmp_path, f"harbour,903,{BOX},12,3\n", excluded=excluded)
    (place,) = audit.found["excluded moment without film"]
    assert "out.csv:1: harbuor, 903, did you mean 'harbour'?" in place
    (tmp_path / "out.csv").write_text("../a,903\n")
    with pytest.raises(RhasError, match=r"out\.csv:1: a movie's name is a path"):
        read_excluded_moments(tmp_path / "out.csv")


def test_real_rows_of_ava(shared: Path) -> None:
    """143 lines; in the second file one person is '3_'."""
    audit = Audit()
    clean = read_ava(
        shared / "ava" / "ava_val_v2.2_excerpt_1j20qq1JyX4.csv", Clock(), 1.0, {}, audit
    )
    dirty = read_ava(shared / "ava" / "ava_val_v2.2_excerpt_dirty_row.csv", Clock(), 1.0, {}, audit)
    assert audit.found == {}
    assert sum(round(row.end_s - row.start_s) for row in clean) == 143
    assert {row.person for row in dirty} - {row.person for row in clean} == {"3_"}
    names = read_label_map(None, shared / "ava" / "ava_action_list_v2.2.pbtxt").names
    assert len(names) >= 60
    assert (names[12], names[80]) == ("stand", "watch (a person)")


# Labels


def test_numbers_show_their_base_or_ask_for_it() -> None:
    assert find_id_base([0, 5], None, "t") == 0
    assert find_id_base([1, 137], None, "t") == 1
    assert find_id_base([1, 5], 0, "t") == 0
    for numbers, base, message in (
        ([1, 5], None, "fit a list that begins with 0 and one with 1"),
        ([0, 137], None, "outside the list"),
        ([0, 5], 1, "outside the list"),
        ([200], None, "outside the list"),
    ):
        with pytest.raises(RhasError, match=message):
            find_id_base(numbers, base, "t")


def test_numbers_of_the_published_list(folder: Path, tmp_path: Path) -> None:
    lines = HEADER + "a,0,129,0,1\na,0,137,1,2\n"
    kept, found = brought(folder, tmp_path, REFERENCES, lines)
    assert [a.action for a in kept.annotations] == ["walking", "yawning"]
    assert found["class numbers"] == ["the first class has number 1"]


def test_a_label_map_renames_and_leaves_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text('from,to\nstand,standing\n"sit, down",\n5,running\n')
    (tmp_path / "names.csv").write_text("id,name\n1,stand\n2,fly\n")
    labels = read_label_map(tmp_path / "map.csv", tmp_path / "names.csv")
    lines = HEADER + 'a,0,stand,0,1\na,0,"sit, down",0,1\na,0,5,0,1\na,0,1,1,2\na,0,2,0,1\n'
    kept, found = brought(folder, tmp_path, REFERENCES, lines, labels=labels)
    assert [a.action for a in kept.annotations] == ["running", "standing", "standing"]
    assert found["renamed by the label map"] == [
        "5 -> running, 1 lines", "stand -> standing, 2 lines",
    ]  # fmt: skip
    assert found["left out by the label map"] == ["sit, down -> nothing, 1 lines"]
    assert "2 = 'fly'" in found["unknown class"][0]


def test_numbers_of_thousands_of_digits(folder: Path, tmp_path: Path) -> None:
    """Python refuses to read them; here they are names that nothing is called."""
    many = "9" * 5000
    people = f"movie,person,reference\na,0,the man\na,{many},the woman\n"
    _, found = brought(folder, tmp_path, people, HEADER + f"a,0,{many},0,1\na,{many},walking,0,1\n")
    assert len(found["unknown class"]) == 1
    assert len(found["suspicious person id"]) == 2
    (tmp_path / "labels.pbtxt").write_text(f'{{ name: "walking" label_id: {many} }}')
    with pytest.raises(RhasError, match="no label in the list"):
        read_label_map(None, tmp_path / "labels.pbtxt")
    (tmp_path / "labels.pbtxt").write_text("{" + 'name: "x" ' * 100_000)  # ends in a moment
    with pytest.raises(RhasError, match="no label in the list"):
        read_label_map(None, tmp_path / "labels.pbtxt")


def test_numbers_that_a_label_map_changes_are_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("from,to\n5,\n6,running\n")
    labels = read_label_map(tmp_path / "map.csv", None)
    lines = HEADER + "a,0,5,0,1\na,0,5,1,2\na,0,6,0,1\na,0,137,1,2\n"
    kept, found = brought(folder, tmp_path, REFERENCES, lines, labels=labels)
    assert [a.action for a in kept.annotations] == ["running", "yawning"]
    assert found["left out by the label map"] == ["5 -> nothing, 2 lines"]
    assert found["renamed by the label map"] == ["6 -> running, 1 lines"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("from,to\nx,stnding\n", "did you mean 'standing'"),
        ("from,to\nx,standing\nx,sitting\n", "twice"),
        ("a,b\n", "header lacks columns"),
    ],
)
def test_mistakes_in_a_label_map(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "map.csv").write_text(table)
    with pytest.raises(RhasError, match=message):
        read_label_map(tmp_path / "map.csv", None)
    (tmp_path / "names.pbtxt").write_text("label {}")
    with pytest.raises(RhasError, match="no label"):
        read_label_map(None, tmp_path / "names.pbtxt")


# Parameters and the audit


def test_switches_change_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        "# top\ndataset: mini   # mini or own\nfps: 15\nsub: {dataset: mini, rate: 1e-05}\n"
    )
    assert set_params(path, {"dataset": "own", "fps": 15}) == {"dataset": ("mini", "own")}
    assert (
        path.read_text()
        == "# top\ndataset: own   # mini or own\nfps: 15\nsub: {dataset: mini, rate: 1e-05}\n"
    )
    before = path.read_text()
    for wrong in ({"other": 1}, {"sub": 2}):
        with pytest.raises(RhasError, match="set by hand"):
            set_params(path, wrong)
    assert path.read_text() == before
    with pytest.raises(RhasError, match=r"no params\.yaml"):
        set_params(tmp_path / "none.yaml", {})


def test_lines_end_as_before(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"dataset: mini  # which\r\ncrop:\r\n  size: 1\r\nfps: 15")
    set_params(path, {"dataset": "own", "crop.max_gap": 3, "ground.stride": 5})
    assert path.read_bytes() == (
        b"dataset: own  # which\r\ncrop:\r\n  max_gap: 3\r\n  size: 1\r\nfps: 15\r\n"
        b"ground:\r\n  stride: 5\r\n"
    )
    before = path.read_bytes()
    with pytest.raises(RhasError, match="set by hand"):
        set_params(path, {"other": 1})
    assert path.read_bytes() == before


def test_values_of_several_words_and_none(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text('sub:\n  a: the person  # "": nobody: at all\n  b: "x # y"\n  c: \'\'\n')
    set_params(path, {"sub.a": "", "sub.b": "two words", "sub.c": "x"})
    assert path.read_text() == ("sub:\n  a: ''  # \"\": nobody: at all\n  b: two words\n  c: x\n")


def test_the_projects_own_parameters(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = (Path(__file__).resolve().parents[2] / "params.yaml").read_text()
    path.write_text(text)
    set_params(path, {"dataset": "own", "vlm": "clip", "fps": 12.5})
    assert yaml.safe_load(path.read_text()) == {
        **yaml.safe_load(text), "dataset": "own", "vlm": "clip", "fps": 12.5,
    }  # fmt: skip


def test_the_audit_lists_every_place(tmp_path: Path) -> None:
    audit = Audit()
    audit.add("duplicate", "t:1")
    assert not audit.stops
    audit.add("duplicate", "t:2")
    audit.add("unknown class", "t:3")
    assert audit.stops
    assert [(row.level, row.name, row.count) for row in audit.rows()] == [
        ("drop", "unknown class", 1),
        ("warn", "duplicate", 2),
    ]
    audit.write(tmp_path / "new" / "a.json", {"fps": None, "out": "x"}, written=False)
    values = json.loads((tmp_path / "new" / "a.json").read_text())
    assert values["findings"]["duplicate"]["places"] == ["t:1", "t:2"]
    assert (values["settings"], values["written"]) == ({"out": "x"}, False)
