"""``results/report.html``: everything about a run on one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rhas.base.files import hash_file, read_json, replace_file
from rhas.metrics.names import PAPER_METRICS, PROBE_METRICS, SEGMENTATION_METRICS
from rhas.report.coverage import FilmGroup, group_films, read_coverage, read_drops
from rhas.report.inputs import RunInputs, read_locked_outputs
from rhas.report.persons import make_cards, rank_persons
from rhas.report.results import RunResults, flatten_metrics, read_object
from rhas.report.templates import render
from rhas.report.views import (
    count_confusion,
    list_parameters,
    make_rows,
    make_tiles,
    read_reliability,
    show_grounding,
)
from rhas.stores.boxes import FilmBoxes
from rhas.stores.features import FeatureStore
from rhas.stores.manifest import Manifest

SECTIONS = (
    ("metrics", "Metrics"), ("persons", "Persons"), ("classes", "Classes"),
    ("confusion", "Confusion"), ("grounding", "Grounding"), ("features", "Features"),
    ("data", "Data"), ("settings", "Settings"), ("hashes", "Hashes"),
)  # fmt: skip
"""Key and name of each, in order; ``templates/run/<key>.html.j2`` shows it."""

Seeds = Mapping[int, Mapping[str, Any]]
"""``evaluation.json`` by seed of runs that differ in nothing else."""


def write_report(
    run: RunInputs, folder: Path, *, out: Path | None = None, seeds: Seeds | None = None
) -> None:
    """Writes ``folder/report.html``, a page that needs no network and no other file; equal inputs
    give equal bytes.

    Args:
        run: what the run was made from.
        folder: ``results/``, with all other files of the evaluation.
        out: another place for the page.
        seeds: of several runs, this one included; the metrics then have a spread.

    Raises:
        RhasError: a file of the evaluation or of a stage before is absent.
    """
    text = render_report(run, folder, seeds or {})
    out = out or folder / "report.html"
    with replace_file(out) as new:  # not in place: a cache may share the file
        new.write_text(text, "utf-8")


def render_report(run: RunInputs, folder: Path, seeds: Seeds) -> str:
    """The page as HTML; see `write_report`."""
    results = RunResults.read(folder)
    report = read_object(folder / "report.json", "classes_with_default_threshold")
    by_seed = {seed: flatten_metrics(seeds[seed]["test"]) for seed in sorted(seeds)}
    films, persons, classes = read_coverage(run), rank_persons(results.persons), results.per_class
    default = set(report["classes_with_default_threshold"])
    settings = run.settings
    return render(
        "run.html.j2",
        title=f"RHAS report: {settings['method']} on {settings['dataset']}, "
        f"seed {settings['seed']}",
        sections=SECTIONS,
        settings=settings,
        seeds=list(by_seed),
        tiles=make_tiles(results),
        segmentation=make_rows(SEGMENTATION_METRICS, results, by_seed),
        published=make_rows(PAPER_METRICS, results, by_seed, "as_published."),
        persons=persons,
        cards=make_cards(folder, persons),
        classes=classes,
        without_threshold=[row["class"] for row in classes if row["class"] in default],
        confusion=count_confusion(results),
        reliability=read_reliability(results),
        grounding=show_grounding(results),
        features=results.features,
        probe_metrics=PROBE_METRICS,
        films=films,
        groups=group_films(films),
        film_groups=[FilmGroup(film.movie, [film]) for film in films],
        has_tracks=(run.stores.tracks / "report.json").is_file(),
        drops=read_drops(run, report),
        parameters_of=_group_parameters(run),
        hashes=_list_hashes(run),
    )


def _group_parameters(run: RunInputs) -> dict[str, list[tuple[str, str]]]:
    """Parameters by title: the everyday switches first, without one, then by section; last what
    the method was built from."""
    settings = run.settings
    switches = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    groups = {"": list_parameters(switches)}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            groups[key] = list_parameters(value)
    config = run.model / "config.json"
    if config.is_file():
        model = read_json(config)
        groups[f"{model['method']}, as it was built"] = list_parameters(model["config"])
        groups["versions it was trained with"] = list_parameters(model.get("versions", {}))
    return groups


def _list_hashes(run: RunInputs) -> list[tuple[str, str, str]]:
    """(what, where, hash) of the checkpoints, the model, the data, and what dvc.lock names."""
    raw = Manifest.read(run.stores.raw)
    named = []
    for film in raw.films[:1]:
        boxes = run.stores.boxes / f"{film.movie}.h5"
        if boxes.is_file():
            info = FilmBoxes.read(boxes).info
            named.append(("grounding checkpoint, SHA-256", info.checkpoint, info.checkpoint_hash))
        encoder = FeatureStore(run.features / f"{film.movie}.zarr").read_info()
        named.append(("encoder checkpoint, SHA-256", encoder.checkpoint, encoder.checkpoint_hash))
    for path in sorted(run.model.glob("*")):
        if path.suffix in (".safetensors", ".json") and path.name != "report.json":
            named.append(("trained method, SHA-256", path.as_posix(), hash_file(path)))
    for path in (run.stores.raw / "manifest.json", run.samples / "index.csv"):
        named.append(("data, SHA-256", path.as_posix(), hash_file(path)))
    named += [("dvc.lock, MD5", *item) for item in read_locked_outputs(run.lock).items()]
    return [(what, where, digest or "none") for what, where, digest in named]
