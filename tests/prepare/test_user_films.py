from __future__ import annotations

import unicodedata
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import films
import numpy as np
import pytest

from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.config.mini import MiniConfig
from rhas.data.annotations import TimedAction, read_annotations
from rhas.data.films import FILM_SUFFIXES
from rhas.decode.container import inspect_film
from rhas.decode.reading import read_pictures
from rhas.mini import film_specs, write_film
from rhas.prepare.user_films import assemble_user_films
from rhas.stores.manifest import Manifest

REFERENCES = "movie,person,reference,subset\na b,0,the man,train\na b,1,the woman,train\nü,0,she,\n"
HEADER = "movie,person,action,start_s,end_s\n"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film of 2 seconds."""
    folder = tmp_path_factory.mktemp("film")
    spec = replace(film_specs(MiniConfig(films=1))[0], seconds=2.0)
    write_film(spec, folder)
    return (folder / spec.file_name).read_bytes()


def own(
    folder: Path, references: str | bytes, annotations: str | bytes | None = None, *,
    film: bytes = b"damaged",
) -> Path:  # fmt: skip
    (folder / "films").mkdir(parents=True)
    (folder / "films" / "a b.mp4").write_bytes(film)
    (folder / "films" / "ü.mkv").write_bytes(b"film u")
    (folder / "films" / "notes.txt").write_text("no film")
    for name, table in (("references", references), ("annotations", annotations)):
        if table is not None:
            data = table if isinstance(table, bytes) else table.encode()
            (folder / f"{name}.csv").write_bytes(data)
    (folder.parent / "raw").mkdir()
    return folder


def mistake(source: Path) -> str:
    with pytest.raises(RhasError) as caught:
        assemble_user_films(source, source.parent / "raw")
    return str(caught.value)


def test_films_become_a_data_set(tmp_path: Path, film: bytes) -> None:
    rows = HEADER + "a b,1,walking,0.5,2\n"
    source, out = own(tmp_path / "own", REFERENCES, rows, film=film), tmp_path / "raw"
    assemble_user_films(source, out)
    manifest = Manifest.read(out)
    assert [film.movie for film in manifest.films] == ["a b", "ü"]
    assert manifest.films[0].references == ("the man", "the woman")
    assert [film.subset for film in manifest.films] == ["train", None]
    assert manifest.films[1].sha256 == hash_file(source / "films" / "ü.mkv")
    assert (out / manifest.films[1].file).read_bytes() == b"film u"
    assert not manifest.truth
    assert read_annotations(out) == [TimedAction("a b", 1, "walking", 0.5, 2.0)]


def test_films_without_annotations(tmp_path: Path) -> None:
    source = own(tmp_path / "own", REFERENCES)
    assemble_user_films(source, tmp_path / "raw")
    assert read_annotations(tmp_path / "raw") == []


def test_tables_as_people_write_them(tmp_path: Path) -> None:
    """Blanks after commas, Windows line ends, a byte-order mark, quotes, an own column."""
    table = '\ufeffmovie, person, reference, mine\r\na b, 0, "the tall man, in red", x\r\n'
    rows = "movie, person, action, start_s, end_s\r\n\r\na b , 0, walking , 0, 1\r\n"
    assemble_user_films(own(tmp_path / "own", table, rows), tmp_path / "raw")
    assert Manifest.read(tmp_path / "raw").films[0].references == ("the tall man, in red",)
    assert read_annotations(tmp_path / "raw") == [TimedAction("a b", 0, "walking", 0, 1)]


@pytest.mark.parametrize(
    ("references", "message"),
    [
        ("movie,person,reference\nmissing,0,x\n", "got: missing"),
        ("movie,person,reference\na b,1,x\n", "numbered 0, 1, 2"),
        ("movie,person,reference\na b,0,x\na b,0,y\n", "references.csv:3: a person twice"),
        ("movie,person,reference\na b,0,  \n", "references.csv:2: an empty reference"),
        ("movie,person,reference\na b,she,x\n", "references.csv:2: a person is a number"),
        ("movie,person\na b,0\n", "references.csv:1: the header lacks columns"),
        ("movie;person,reference\na b;0,x\n", "separate the columns by commas"),
        ("a b,0,the man\n", "make it the first line"),
        ("movie,person,reference\na b,0,the man, tall\n", "references.csv:2: malformed line"),
        ("movie,person,reference\na b,0\n", "references.csv:2: malformed line"),
        ("movie,person,reference\n\n  \n", "references.csv:3: malformed line"),
        (
            'movie,person,reference\na b,0,x\n\na b,1,"the man\nc,0,y\n',
            "references.csv:4: a double",
        ),
        ('movie,person,reference\na b,0,"the man\na b,1,y"\n', "references.csv:2: a double"),
        ('movie,person,reference\na b,0,"x" y\n', "references.csv:2: a double quote"),
        ('movie,person,"reference\na b,0,x\n', "references.csv:1: a double quote"),
        ('movie,person,reference\na b,0,"' + "x," * 70_000 + "\n", "references.csv:2: a double"),
        ("movie,person,reference\n", "no references in the table"),
        ("", "references.csv: the table is empty"),
        ("movie,person,reference\na b,0,der M\u00e4n\n".encode("latin-1"), "byte 0xe4 at offset"),
        ("movie,person,reference\n".encode("utf-16"), "not UTF-8"),
        ("movie,person,reference,subset\na b,0,x,dev\n", "references.csv:2: unknown subset"),
        (
            "movie,person,reference,subset\na b,0,x,train\na b,1,y,val\n",
            "references.csv:3: a film is in one subset",
        ),
    ],
)
def test_mistakes_in_references(tmp_path: Path, references: str | bytes, message: str) -> None:
    assert message in mistake(own(tmp_path / "own", references))


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (HEADER + "a b,2,walking,0,1\n", "movie a b, person 2"),
        (HEADER + "a b,-1,walking,0,1\n", "movie a b, person -1"),
        (HEADER + "c,0,walking,0,1\n", "movie c, person 0"),
        (HEADER + "a b,0,wlaking,0,1\n", "annotations.csv:2: unknown action class"),
        (HEADER + "a b,0,wlaking,0,1\n", "did you mean 'walking'?"),
        (HEADER + "a b,0,walking,1,1\n", "end at least a millisecond after its start"),
        (HEADER + "a b,0,walking,0.1001,0.1004\n", "end at least a millisecond after its start"),
        (HEADER + "a b,0,walking,nan,1\n", "end at least a millisecond after its start"),
        (HEADER + "a b,0,walking,0:00,0:01\n", "annotations.csv:2: malformed annotation"),
        (HEADER + "a b,0,walking,0.0,1.0\na b,1,walking,30,45\n", "0 to 2.000 s"),
        (HEADER + "a b,0,walking,0,inf\n", "end at least a millisecond after its start"),
        (HEADER + "a b,0,walking,2,2.5\n", "an annotation outside its film"),
        ("movie,person,action,start,end\na b,0,walking,0,1\n", "the header lacks columns"),
        ("", "annotations.csv: the table is empty"),
        (b"\xff\xfe", "annotations.csv: the table is not UTF-8"),
    ],
)
def test_mistakes_in_annotations(
    tmp_path: Path, film: bytes, annotations: str | bytes, message: str
) -> None:
    assert message in mistake(own(tmp_path / "own", REFERENCES, annotations, film=film))


def test_an_annotation_may_end_within_a_second_after_the_film(tmp_path: Path, film: bytes) -> None:
    source = own(tmp_path / "own", REFERENCES, HEADER + "a b,0,walking,1,3\n", film=film)
    assemble_user_films(source, tmp_path / "raw")
    assert len(read_annotations(tmp_path / "raw")) == 1


def test_a_damaged_film_is_left_to_decode(tmp_path: Path) -> None:
    source = own(tmp_path / "own", REFERENCES, HEADER + "a b,0,walking,100,101\n")
    assemble_user_films(source, tmp_path / "raw")
    assert len(Manifest.read(tmp_path / "raw").films) == 2


def test_no_references_at_all(tmp_path: Path) -> None:
    with pytest.raises(RhasError, match=r"data/own/README\.md"):
        assemble_user_films(tmp_path, tmp_path / "raw")


CODECS = {
    ".webm": "libvpx", ".ogv": "libvpx", ".wmv": "wmv2", ".asf": "wmv2", ".flv": "flv",
    ".mpg": "mpeg2video", ".mpeg": "mpeg2video", ".avi": "mpeg4",
    ".3gp": "mpeg4",
}  # fmt: skip
WRITTEN_AS = {".divx": ".avi", ".mts": ".ts"}  # endings that FFmpeg does not know when it writes


@pytest.mark.parametrize("ending", FILM_SUFFIXES)
def test_films_of_every_ending_are_found_and_read(tmp_path: Path, ending: str) -> None:
    kind = WRITTEN_AS.get(ending, ending)
    written = films.write_film(
        tmp_path / f"film{kind}", range(40), Fraction(1, 25),
        codec=CODECS.get(kind, "libx264"), options={"b": "2M"},
    )  # fmt: skip
    source = own(tmp_path / "own", "movie,person,reference\nfilm,0,x\n")
    written.rename(source / "films" / f"film{ending.upper()}")
    assemble_user_films(source, tmp_path / "raw")
    found = inspect_film(tmp_path / "raw" / Manifest.read(tmp_path / "raw").films[0].file)
    assert (found.lost, found.doubtful, found.repeated) == (0, (), 0)
    times = found.ticks * float(found.time_base)
    np.testing.assert_allclose(times, np.arange(40) / 25, atol=0.002)
    seen = [p.rgb() for p in read_pictures(found, "pyav", 32, 24) if p.rgb is not None]
    assert [films.number_of(picture) for picture in seen] == list(range(40))


def test_two_films_of_one_name(tmp_path: Path) -> None:
    source = own(tmp_path / "own", REFERENCES)
    (source / "films" / "a b.webm").write_bytes(b"")
    assert "a b.mp4, a b.webm" in mistake(source)


def test_films_without_a_reference_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assemble_user_films(
        own(tmp_path / "own", "movie,person,reference\na b,0,x\n"), tmp_path / "raw"
    )
    assert "1 films without a reference are left out: ü.mkv" in capsys.readouterr().err
    assert sorted(p.name for p in (tmp_path / "raw" / "films").iterdir()) == ["a b.mp4"]


@pytest.mark.parametrize("name", ["../a b", "/a b", "a/b", ".hidden"])
def test_a_name_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    source = own(tmp_path / "own", f"movie,person,reference\n{name},0,x\n")
    assert "references.csv:2: a movie's name" in mistake(source)
    annotated = own(tmp_path / "b" / "own", REFERENCES, f"{HEADER}{name},0,walking,0,1\n")
    assert "a movie's name" in mistake(annotated)


def test_letters_in_another_form_are_the_same(tmp_path: Path) -> None:
    """The film's file is composed; the tables come from a system that decomposes."""
    decomposed = unicodedata.normalize("NFD", "ü")
    assert decomposed != "ü"
    assemble_user_films(
        own(tmp_path / "own", f"movie,person,reference\n{decomposed},0,x\n"), tmp_path / "raw"
    )
    assert [film.movie for film in Manifest.read(tmp_path / "raw").films] == ["ü"]


def test_a_symbolic_link_stands_for_its_film(tmp_path: Path) -> None:
    source = own(tmp_path / "own", REFERENCES)
    elsewhere = tmp_path / "elsewhere.mkv"
    (source / "films" / "ü.mkv").rename(elsewhere)
    (source / "films" / "ü.mkv").symlink_to(elsewhere)
    assemble_user_films(source, tmp_path / "raw")
    film = tmp_path / "raw" / Manifest.read(tmp_path / "raw").films[1].file
    assert not film.is_symlink()
    assert film.read_bytes() == b"film u"
