"""The films and tables that the stages will read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.formatting import format_duration
from rhas.chunk.split import split_films
from rhas.config.chunk import ChunkConfig
from rhas.config.mini import MiniConfig
from rhas.config.params import Params
from rhas.data.annotations import read_annotations
from rhas.data.audit import Audit
from rhas.data.films import find_films
from rhas.data.foreign_tables import Clock, read_foreign_annotations, read_foreign_references
from rhas.data.labels import read_label_map
from rhas.data.leaks import describe_sides, find_shared_pictures, may_differ
from rhas.data.matching import match_tables
from rhas.data.user_films import UserFilms, read_user_films
from rhas.decode.container import inspect_once
from rhas.decode.judgement import FilmFinding, judge_film
from rhas.stores.classes import find_classes
from rhas.stores.manifest import SUBSETS, Film, Manifest

_MINI_PERSONS = 3.3  # the mean of RHAS-mini, before it is drawn


@dataclass(frozen=True)
class CheckedFilm:
    """What later estimates need of a film.

    Args:
        movie: its name.
        path: the file; None where prepare has yet to draw it.
        seconds: duration.
        source_frames: pictures of the file.
        size: width and height when shown, pixels.
        references: its sentences; empty where not known yet.
        persons: how many there are, a mean where not known yet.
    """

    movie: str
    path: Path | None
    seconds: float
    source_frames: int
    size: tuple[int, int]
    references: tuple[str, ...]
    persons: float


@dataclass(frozen=True)
class Data:
    """The checks, the films that can be read, and where true boxes lie."""

    checks: list[Check]
    films: list[CheckedFilm]
    truth: Path | None = None
    features_alone: bool = False


def check_data(
    params: Params, root: Path, tell: Callable[[int, int], None] = lambda done, of: None
) -> Data:
    """Looks at data/own, at RHAS-mini as drawn in data/raw, or at imported features.

    Args:
        params: params.yaml.
        root: the project's folder.
        tell: told how many films are done, of how many.
    """
    raw = root / "data" / "raw"
    try:
        manifest = Manifest.read(raw) if (raw / "manifest.json").exists() else None
    except RhasError as error:
        found = f"{error.where} cannot be read: {error.what}, {error.got}"
        return Data([Check("manifest", "fail", found, "run `dvc repro -f prepare`")], [])
    own = root / "data" / "own"
    given = params.dataset == "own" and (own / "references.csv").is_file()
    if not given and manifest is not None and manifest.dataset == "rhas133":
        return _check_features(manifest, raw)
    if params.dataset == "own":
        return _check_user_films(own, params, tell)
    if manifest is not None and manifest.dataset == "mini":
        return _mini_drawn(manifest, raw, params, tell)
    return _mini_to_draw(params.mini)


def _check_features(manifest: Manifest, raw: Path) -> Data:
    annotations = read_annotations(raw)
    sides = Counter(film.subset for film in manifest.films)
    shown = ", ".join(f"{count} {side}" for side, count in sides.items())
    found = f"{len(manifest.films)} imported samples of features ({shown}), "
    found += f"{len(annotations)} annotations"
    check = Check("data", "fail", found, "import them again")
    if annotations:
        advice = "`dvc repro --single-item chunk train evaluate`: the stages before have no film"
        check = Check("data", "ok", found, advice)
        if lacking := [side for side in ("train", "test") if not sides[side]]:
            found += f"; none to {' or '.join(lacking)} on"
            check = Check(
                "data", "warn", found, "import that side, too: train and evaluate want it"
            )
    return Data([check], [], features_alone=True)


def _check_user_films(source: Path, params: Params, tell: Callable[[int, int], None]) -> Data:
    try:
        own = read_user_films(source)
    except RhasError as error:
        return Data([_fail_check("tables of data/own", error)], [])
    checks = [
        Check("tables of data/own", "ok",
              f"{len(own.references)} films, {sum(map(len, own.references.values()))} persons, "
              f"{len(own.annotations)} annotations"
              + ("" if own.annotations else ": enough for features, not for training"))
    ]  # fmt: skip
    if own.drawn and params.ground.backend != "tracks":
        checks.append(
            Check("boxes.csv", "warn", f"boxes of {len(own.drawn)} persons are not used",
                  "set ground.backend: tracks, or remove the file")
        )  # fmt: skip
    checks += _audit_tables(source)
    films = [(movie, own.files[movie], sentences) for movie, sentences in own.references.items()]
    more, facts = _check_films(films, params, tell)
    leaks = _check_leaks(own, [fact.movie for fact in facts], params)
    return Data(checks + more + _check_split(own, params.chunk) + leaks, facts)


def _audit_tables(source: Path) -> list[Check]:
    """What is odd in tables that are valid: films that cannot be read are told with the films."""
    audit = Audit()
    rows = []
    if (source / "annotations.csv").is_file():
        rows = read_foreign_annotations(source / "annotations.csv", Clock(), audit)
    sentences = read_foreign_references(source / "references.csv", audit)
    labels, clock = read_label_map(None, None, find_classes(source)), Clock()
    match_tables(find_films(source), sentences, rows, labels, None, clock, audit, None)
    return [
        Check(row.name, "warn", f"{row.count}, first: {row.example}", row.consequence)
        for row in audit.rows()
        if row.level != "note" and row.name != "unreadable film"
    ]


def _mini_drawn(
    manifest: Manifest, raw: Path, params: Params, tell: Callable[[int, int], None]
) -> Data:
    films = [(film.movie, raw / film.file, film.references) for film in manifest.films]
    checks, facts = _check_films(films, params, tell)
    persons = {film.movie: len(film.references) for film in manifest.films}
    try:
        annotations = read_annotations(raw)
        odd = [row for row in annotations if not 0 <= row.person < persons.get(row.movie, 0)]
    except RhasError as error:
        return Data([*checks, _fail_check("annotations", error)], facts)
    checks.append(
        Check(
            "tables of data/raw",
            "fail" if odd else "ok",
            f"{len(odd)} annotations of persons without reference, first {odd[0]}"
            if odd
            else f"{len(persons)} films, {sum(persons.values())} persons, "
            f"{len(annotations)} annotations",
            "run `dvc repro -f prepare`" if odd else "",
        )
    )
    return Data(checks, facts, truth=raw / "truth")


def _mini_to_draw(config: MiniConfig) -> Data:

    from rhas.mini import film_specs  # needs rhas[mini]

    specs = film_specs(config)
    facts = [
        CheckedFilm(spec.movie, None, float(spec.seconds), round(spec.seconds * spec.rate),
                  (spec.width, spec.height), (), _MINI_PERSONS)
        for spec in specs
    ]  # fmt: skip
    found = f"RHAS-mini, {len(specs)} films of {format_duration(sum(f.seconds for f in facts))}"
    return Data([Check("films", "ok", f"{found}: prepare draws them")], facts)


def _check_films(
    films: Sequence[tuple[str, Path, tuple[str, ...]]],
    params: Params,
    tell: Callable[[int, int], None],
) -> tuple[list[Check], list[CheckedFilm]]:
    """A row per film that is broken, one for all the others."""
    checks: list[Check] = []
    facts: list[CheckedFilm] = []
    codecs: Counter[str] = Counter()
    slow: list[str] = []
    for done, (movie, path, sentences) in enumerate(films):
        try:
            info = inspect_once(path)
        except RhasError as error:
            checks.append(_fail_check(f"film {path.name}", error))
            continue
        finally:
            tell(done + 1, len(films))
        findings = judge_film(info, movie, params.decode)
        checks += [_check_finding(path, finding) for finding in findings]
        if findings and findings[0].refused:
            continue
        if info.rate < params.fps:
            slow.append(f"{path.name} ({float(info.rate):.3g})")
        codecs[info.codec] += 1
        width, height = (round(side) for side in info.display_size())
        facts.append(
            CheckedFilm(movie, path, info.seconds, len(info.ticks), (width, height), sentences,
                      len(sentences))
        )  # fmt: skip
    if slow:
        shown = ", ".join(slow[:3]) + (f" and {len(slow) - 3} more" if len(slow) > 3 else "")
        found = f"fewer than {params.fps:g} pictures a second: {shown}"
        advice = "frames will repeat; lower `fps` if all films are so"
        checks.append(Check("frame rate", "warn", found, advice))
    if facts:
        sizes = [fact.size for fact in facts]
        low, high = min(sizes, key=min), max(sizes, key=min)
        size = f"{low[0]}×{low[1]}" + (f" to {high[0]}×{high[1]}" if low != high else "")
        kinds = ", ".join(f"{count} {codec}" for codec, count in codecs.most_common())
        found = f"{len(facts)} of {len(films)} open and show their first picture, "
        found += f"in all {format_duration(sum(f.seconds for f in facts))}, {size}, {kinds}"
        checks.append(Check("films", "ok", found))
    return checks, facts


def _check_finding(path: Path, finding: FilmFinding) -> Check:
    row = _fail_check(f"film {path.name}", finding.error)
    return row if finding.refused else replace(row, level="warn")


def _check_leaks(own: UserFilms, movies: Sequence[str], params: Params) -> list[Check]:
    """Films that show the same and are, or may be, on different sides of the split."""
    sides = _find_sides(own, params.chunk)
    infos = {movie: inspect_once(own.files[movie]) for movie in movies}
    advice = "keep them on one side: column subset of references.csv; or leave one out"
    return [
        Check("leak", "warn", f"{shared.describe()}; "
              f"{describe_sides(sides, shared.first, shared.second)}", advice)
        for shared in find_shared_pictures(infos, partial(may_differ, sides))
    ]  # fmt: skip


def _find_sides(own: UserFilms, config: ChunkConfig) -> Mapping[str, str | None]:
    """The side of every film as chunk will choose it; None: windows go by chance, or nothing is
    annotated yet."""
    annotated = {row.movie for row in own.annotations}
    if config.split == "random" and annotated:
        return {}
    films = [Film(movie, "", "", texts, own.subsets[movie])
             for movie, texts in own.references.items()]  # fmt: skip
    return {**own.subsets, **split_films(films, annotated, config)}


def _check_split(own: UserFilms, config: ChunkConfig) -> list[Check]:
    movies = {row.movie for row in own.annotations}
    if not movies:
        return []
    if len(movies) < 3:
        found = f"annotated films: {len(movies)}; train, val and test want one each"
        return [Check("split", "warn", found, "annotate more, or set `split: random`")]
    if config.split == "random":
        sides = {side for side, share in zip(SUBSETS, config.fractions, strict=True) if share}
    else:
        films = [Film(movie, "", "", (), own.subsets[movie]) for movie in movies]
        sides = set(split_films(films, movies, config).values())
    lacking = [side for side in SUBSETS if side not in sides]
    if lacking:
        return [Check("split", "warn", f"no annotated film is in {' or '.join(lacking)}",
                      "change the column subset of references.csv or chunk.fractions")]  # fmt: skip
    return []


def _fail_check(name: str, error: RhasError) -> Check:
    parts = [error.where, error.what, f"got {error.got}" if error.got else ""]
    return Check(name, "fail", ": ".join(part for part in parts if part), error.do)
