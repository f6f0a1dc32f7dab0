"""The report's HTML: what stands in it, that nothing gets out of it, that it is the same again."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from written_run import EVIL, REFERENCES, RunInputs

from rhas.base.errors import RhasError
from rhas.report.run import render_report, write_report

Run = tuple[RunInputs, Path]


class Page(HTMLParser):
    """Elements with attributes, and the text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in ("img", "meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += f" {data}"

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(run: Run) -> Page:
    return Page((run[1] / "report.html").read_text("utf-8"))


def test_nothing_of_a_users_text_becomes_markup(page: Page) -> None:
    assert not page.open
    assert len(page.all("script")) == 1
    assert all(not key.startswith("on") for _, attributes in page.elements for key in attributes)
    for reference in REFERENCES:
        assert reference in page.text
    assert EVIL in page.text


def test_nothing_is_fetched(page: Page) -> None:
    for _, attributes in page.elements:
        for key in ("src", "href"):
            assert attributes.get(key, "#").startswith(("#", "data:"))
    assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_pictures_have_descriptions_and_are_not_heavy(page: Page, run: Run) -> None:
    pictures = page.all("img")
    assert len(pictures) == 4  # three annotated persons, one sheet
    assert all(len(picture["alt"]) > 40 for picture in pictures)
    assert (run[1] / "contact_sheets" / f"{EVIL}.jpg").stat().st_size > 1_000_000
    assert (run[1] / "report.html").stat().st_size < 1_000_000


def test_every_link_leads_somewhere(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.all("a")]
    assert len(links) == 10
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_headings_skip_no_level(page: Page) -> None:
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_figures_stand_beside_the_baselines(page: Page, run: Run) -> None:
    metrics = json.loads((run[1] / "evaluation.json").read_text())
    baselines = json.loads((run[1] / "baselines.json").read_text())["test"]
    text = " ".join(page.text.split())
    for key, name, part in (
        ("map", "frame mAP", lambda values: values),
        ("f1_50", "F1@50", lambda values: values["as_published"]),
    ):
        columns = [metrics["test"], metrics["val"]]
        cells = [f"{part(values)[key]:.1f}" for values in columns]
        nothing = f"{baselines['nothing'][key]:.1f}" if key == "map" else "–"
        row = " ".join([*cells, nothing, f"{part(baselines['constant_class'])[key]:.1f}"])
        assert f"{name} {row}" in text
    assert text.index("Metrics, %") < text.index("published evaluator's")
    assert "One run, seed 0" in text


def test_coverage_and_drops(page: Page) -> None:
    text = " ".join(page.text.split())
    # four persons in 200 frames of three films, 0 + 4 + 8 + 12 of 20 frames missing, 20 filled
    assert "all 3 12 1:00 2,400 60.0 10.0 30.0" in text
    assert f"frames that could not be decoded decode 3 {EVIL}: 3" in text
    assert "words of references beyond the encoder's longest text extract 21" in text
    assert "intervals outside their film chunk 1" in text
    assert "learnt person 3" in text


def test_settings_and_hashes(page: Page) -> None:
    text = " ".join(page.text.split())
    assert "overrides.linear.inputs <both>" in text
    assert "compile false" in text
    assert "weights/<blip2> ab" in text
    assert "models/linear abc.dir" in text
    assert "of_last_time" not in text


def test_equal_inputs_equal_bytes(run: Run, tmp_path: Path) -> None:
    write_report(*run, out=tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (run[1] / "report.html").read_bytes()


def test_spread_over_seeds(run: Run, tmp_path: Path) -> None:
    def metrics(acc: float, f1: float) -> dict:
        return {"test": {"acc": acc, "as_published": {"f1_50": f1}}}

    seeds = {0: metrics(50.0, 80.0), 1: metrics(54.0, 90.0), 2: metrics(52.0, 85.0)}
    write_report(*run, out=tmp_path / "three.html", seeds=seeds)
    text = " ".join(Page((tmp_path / "three.html").read_text("utf-8")).text.split())
    assert "mean ± sd of 3 seeds" in text
    assert "52.0 ± 2.0" in text
    assert "85.0 ± 5.0" in text
    assert "One run" not in text


def test_without_tracks_nothing_is_said_to_be_interpolated(run: Run, tmp_path: Path) -> None:
    """Imported features come without frames, boxes and tracks."""
    origin, results = run
    data = tmp_path / "data"
    for name in ("raw", "samples"):
        shutil.copytree(origin.samples.parent / name, data / name)
    stores = origin.stores.__class__(data / "raw", data / "f", data / "b", data / "t")
    bare = RunInputs(stores, data / "samples", data / "none", origin.settings, data / "none.lock")
    write_report(bare, results, out=tmp_path / "page.html")
    text = " ".join(Page((tmp_path / "page.html").read_text("utf-8")).text.split())
    assert "all 3 12 1:00 2,400 70.0 30.0" in text
    assert "could not be decoded" not in text


def test_an_absent_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text('{"test": {}, "val": {}}')
    with pytest.raises(RhasError, match=r"baselines\.json"):
        write_report(run[0], tmp_path)


@pytest.mark.parametrize("text", ["[]", "3", "{}"])
def test_a_report_that_is_none_is_named(run: Run, tmp_path: Path, text: str) -> None:
    shutil.copytree(run[1], tmp_path / "results")
    (tmp_path / "results" / "report.json").write_text(text)
    with pytest.raises(RhasError, match=r"results/report\.json: not what the stage writes"):
        write_report(run[0], tmp_path / "results")


def test_a_report_of_crop_that_is_none_is_named(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run[0].stores.tracks, tmp_path / "tracks")
    (tmp_path / "tracks" / "report.json").write_text("[]")
    stores = replace(run[0].stores, tracks=tmp_path / "tracks")
    with pytest.raises(RhasError, match=r"tracks/report\.json: not what the stage writes"):
        render_report(replace(run[0], stores=stores), run[1], {})
