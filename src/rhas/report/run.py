"""``results/report.html``: everything about a run on one page."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from rhas.base.files import hash_file, read_json
from rhas.report import sections
from rhas.report.coverage import read_coverage, read_drops
from rhas.report.html import Markup, bdi, tag
from rhas.report.persons import persons
from rhas.report.sources import Origin, Results, locked_outs
from rhas.stores.boxes import FilmBoxes
from rhas.stores.features import FeatureStore
from rhas.stores.manifest import Manifest

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_SECTIONS = (
    ("figures", "Figures"), ("persons", "Persons"), ("classes", "Classes"),
    ("confusion", "Confusion"), ("grounding", "Grounding"), ("features", "Features"),
    ("data", "Data"), ("settings", "Settings"), ("hashes", "Hashes"),
)  # fmt: skip


def write_report(
    origin: Origin,
    folder: Path,
    *,
    out: Path | None = None,
    seeds: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Writes ``folder/report.html``, a page that needs no network and no other file; equal inputs
    give equal bytes.

    Args:
        origin: what the run was made of.
        folder: ``results/``, with all other files of the evaluation.
        out: another place for the page.
        seeds: evaluation.json by seed of runs that differ in nothing else, this one included; the
            figures then have a spread.

    Raises:
        RhasError: a file of the evaluation or of a stage before is absent.
    """
    text = report(origin, Results.read(folder, seeds))
    out = out or folder / "report.html"
    temporary = out.with_name(f".{out.name}.tmp")  # not in place: a cache may share the file
    temporary.write_text(text, "utf-8")
    temporary.replace(out)


def report(origin: Origin, results: Results) -> str:
    """The page as HTML."""
    films, drops = read_coverage(origin), read_drops(origin, results)
    filled = (origin.stores.tracks / "report.json").is_file()
    own = origin.settings
    title = f"RHAS report: {own['method']} on {own['dataset']}, seed {own['seed']}"
    said = (
        f"Method {own['method']} ({own['train']['preset']}), features {own['vlm']}, data set "
        f"{own['dataset']} of {len(films)} films, split {own['split']}, samples of "
        f"{own['frame_len']} frames at {own['fps']} frames per second, seed {own['seed']}."
    )
    config = origin.model / "config.json"
    main = tag(
        "main",
        sections.headline(results, own["seed"]), persons(results), sections.classes(results),
        sections.confusion(results), sections.grounding(results), sections.probes(results),
        sections.coverage(films, drops, filled),
        sections.settings(own, read_json(config) if config.is_file() else {}),
        sections.hashes(_hashes(origin)),
        id="content",
    )  # fmt: skip
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", _asset("style.css")),
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        tag("header", tag("h1", "Report of a run: ", bdi(str(own["method"])), " on ",
                          bdi(str(own["dataset"]))), tag("p", said)),
        sections.navigation(_SECTIONS),
        main,
        tag("footer", "Made by the stage evaluate. What the figures mean: docs/METRICS.md."),
        tag("script", _asset("script.js")),
    )  # fmt: skip
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _asset(file: str) -> Markup:
    return Markup(files(__package__).joinpath(file).read_text("utf-8"))


def _hashes(origin: Origin) -> list[tuple[str, str, str]]:
    """(what, where, hash) of the checkpoints, the model, the data, and what dvc.lock names."""
    raw = Manifest.read(origin.stores.raw)
    named = []
    for film in raw.films[:1]:
        boxes = origin.stores.boxes / f"{film.movie}.h5"
        if boxes.is_file():
            info = FilmBoxes.read(boxes).info
            named.append(("grounding checkpoint, SHA-256", info.checkpoint, info.checkpoint_hash))
        encoder = FeatureStore(origin.features / f"{film.movie}.zarr").read_info(0)
        named.append(("encoder checkpoint, SHA-256", encoder.checkpoint, encoder.checkpoint_hash))
    for path in sorted(origin.model.glob("*")):
        if path.suffix in (".safetensors", ".json") and path.name != "report.json":
            named.append(("trained method, SHA-256", path.as_posix(), hash_file(path)))
    for path in (origin.stores.raw / "manifest.json", origin.samples / "index.csv"):
        named.append(("data, SHA-256", path.as_posix(), hash_file(path)))
    locked = locked_outs(origin.lock)
    named += [("dvc.lock, MD5", path, digest) for path, digest in locked.items()]
    return [(what, where, digest or "none") for what, where, digest in named]
