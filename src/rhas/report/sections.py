"""The sections of the report, each from the files it shows."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rhas.base.formatting import format_duration
from rhas.report import drawing
from rhas.report.coverage import Drop, FilmCoverage, by_side
from rhas.report.html import EMPTY, Markup, bdi, captioned, join, table, tag
from rhas.report.sources import Results
from rhas.report.summary import FEATURES, GROUNDING, LOOKALIKES, NAMES, PUBLISHED
from rhas.stores.manifest import SUBSETS

TILES = ("map", "acc", "interval_f1_50", "label_set_iou")
_TILE_NAMES = {
    "map": "true frames are ranked above others",
    "acc": "frames whose top class is right",
    "interval_f1_50": "intervals found, at half overlap",
    "label_set_iou": "of the labels said or true, those that are both",
}
_NOTHING = "–"


def section(key: str, title: str, *content: str) -> Markup:
    """A section that the navigation leads to."""
    return tag("section", tag("h2", title, id=key), *content, aria_labelledby=key)


def headline(results: Results, seed: int) -> Markup:
    """Clean figures beside a constant answer and chance, then the published evaluator's.

    Args:
        results: of the run.
        seed: its.
    """
    test, val = results.evaluation["test"], results.evaluation["val"]
    constant, chance = (results.baselines["test"][k] for k in ("constant_class", "chance"))
    columns = [test, val, constant, chance]
    tiles = [
        tag(
            "li", tag("strong", NAMES[key]), tag("div", _number(test[key]), tag("small", " %"),
                                                class_="value"),
            drawing.bar((test[key] or 0) / 100, [(constant[key] or 0) / 100]),
            tag("span", f"{_TILE_NAMES[key]}; constant answer {_number(constant[key])}, "
                f"chance {_number(chance[key])}", class_="soft"),
        )
        for key in TILES
    ]  # fmt: skip
    return section(
        "figures", "Figures",
        tag("p", _said_of_seeds(results, seed)),
        tag("ul", *tiles, class_="tiles"),
        tag("p", "The black mark is the best constant answer, which knows no film: one class, the "
            "same in every frame.", class_="soft"),
        _figures("Clean figures, %; constant answer and chance on test", list(NAMES), results,
                 columns),
        tag("h3", "As published"),
        tag("p", "The evaluator of the paper's repository counts almost every frame as a segment "
            "and lets distance pass for overlap, so a constant answer gets a high F1. Read each of "
            "its figures beside the constant answer's.", class_="warning"),
        _figures(
            "The published evaluator's, %; constant answer and chance on test",
            list(PUBLISHED), results,
            [values.get("as_published", {}) for values in columns], "as_published",
        ),
    )  # fmt: skip


def _figures(
    caption: str,
    keys: Sequence[str],
    results: Results,
    columns: Sequence[Mapping[str, Any]],
    within: str = "",
) -> Markup:
    """``columns``: test, val, constant class and chance; ``within``: a part of evaluation.json."""
    header = ["", "test", "val", "constant", "chance"]
    spread: Callable[[str], list[str]] = lambda key: []  # noqa: E731
    if len(results.seeds) > 1:
        header.insert(2, f"mean ± sd of {len(results.seeds)} seeds")

        def spread(key: str) -> list[str]:
            tests = [run["test"] for run in results.seeds.values()]
            return [_mean((run.get(within, {}) if within else run).get(key) for run in tests)]

    rows = [
        [
            NAMES[key], tag("strong", _number(columns[0].get(key))), *spread(key),
            *(_number(values.get(key)) for values in columns[1:]),
        ]
        for key in keys
    ]  # fmt: skip
    return table(caption, header, rows)


def _said_of_seeds(results: Results, seed: int) -> str:
    if len(results.seeds) > 1:
        listed = ", ".join(str(seed) for seed in sorted(results.seeds))
        return (
            f"On test. {len(results.seeds)} runs differ in their seed alone ({listed}); sd is the "
            f"sample's standard deviation. All else on this page is of seed {seed}."
        )
    return f"On test. One run, seed {seed}: how far figures spread over seeds is not known."


def classes(results: Results) -> Markup:
    """Support, average precision and F1 of each class of test."""
    rows = [
        [
            row["class"], f"{int(row['frames']):,}", row["instances"],
            join((_number(float(row["ap"])), drawing.bar(float(row["ap"]) / 100))),
            _number(float(row["interval_f1_50"])), f"{float(row['threshold']):.2f}",
        ]
        for row in sorted(
            (row for row in results.per_class if row["split"] == "test"),
            key=lambda row: (-float(row["ap"]), row["class"]),
        )
    ]  # fmt: skip
    default = set(results.report["classes_with_default_threshold"])
    lost = [row[0] for row in rows if row[0] in default]
    note = EMPTY
    if lost:
        note = tag(
            "p", f"Without a true frame in val, so read out at the default threshold: "
            f"{', '.join(lost)}.", class_="soft",
        )  # fmt: skip
    header = ["class", "frames", "intervals", "AP, %", "interval F1@50, %", "threshold"]
    caption = f"The {len(rows)} classes that occur in test; a column's name sorts"
    return section("classes", "Classes", table(caption, header, rows, sortable=True), note)


def confusion(results: Results) -> Markup:
    """True segments and what was said in most of their frames; and the scores' reliability."""
    pairs = Counter((row["actual"], row["predicted"]) for row in results.confusion)
    points = [
        (float(row["score"]), float(row["true"]), int(row["count"])) for row in results.reliability
    ]
    error, sure = drawing.calibration_error(points), drawing.calibration_error(points, 0.1)
    told = f"Expected calibration error: {100 * error:.2f} % over all scores"
    if not math.isnan(sure):
        told += f"; {100 * sure:.1f} % over those of bins above 0.1"
    told += (
        ". Nearly all scores are near 0, as nearly all classes are absent from a frame, so the "
        "first is small whatever the method says."
    )
    rows = [[f"{score:.3f}", f"{100 * share:.1f}", f"{count:,}"] for score, share, count in points]
    return section(
        "confusion", "Confusion and reliability",
        tag("p", "A row per true class, the most frequent ones by name: how many of its segments "
            "were said to be what, by the class said in most of their frames."),
        _confusion_table(pairs),
        tag("h3", "Reliability"),
        tag("p", told),
        tag("div", drawing.reliability(points, error),
            table("Scores in bins", ["mean score", "true, %", "scores"], rows), class_="two"),
    )  # fmt: skip


def _confusion_table(pairs: Mapping[tuple[str, str], int]) -> Markup:
    totals, said = Counter[str](), Counter[str]()
    for (actual, predicted), count in pairs.items():
        totals[actual] += count
        said[predicted] += count
    last = {"(other)": 1, "(nothing)": 2}
    order = sorted(totals.keys() | said.keys(), key=lambda c: (last.get(c, 0), -totals[c], c))
    heads = [tag("th", "true", scope="col"), tag("th", "segments", scope="col", class_="number")]
    heads += [tag("th", tag("span", label), scope="col") for label in order]
    rows = []
    for actual in (label for label in order if totals[label]):
        cells = [tag("th", actual, scope="row"), tag("td", str(totals[actual]), class_="number")]
        for label in order:
            count = pairs.get((actual, label), 0)
            colour = f"background:{drawing.shade(count / totals[actual])}"
            right = "strong" if label == actual else None
            cells.append(
                tag("td", str(count) if count else "", style=colour if count else None,
                    class_=right)
            )  # fmt: skip
        rows.append(tag("tr", *cells))
    caption = "Segments of test by true class; columns are what was said, bold is right"
    return captioned(caption, tag("thead", tag("tr", *heads)), tag("tbody", *rows), "confusion")


def grounding(results: Results) -> Markup:
    """Whether the tracks are with the right persons."""
    values = results.grounding
    if not values["truth"]:
        return section(
            "grounding", "Grounding",
            tag("p", "Nobody knows where the persons of these films really are, so the tracks "
                "cannot be measured. The contact sheets show them."),
        )  # fmt: skip
    sides = [side for side in SUBSETS if side in values]
    rows = [
        [label, *(_cell(values[s].get(key)) for s in sides)] for key, label in GROUNDING.items()
    ]
    for key, label in LOOKALIKES.items():
        for figure, said in (("recall_50", "right"), ("wrong_person", "somebody else")):
            own = [_cell(values[side].get(key, {}).get(figure)) for side in sides]
            rows.append([f"{label}: {said}", *own])
    films = [
        [
            bdi(film["movie"]), film["subset"] or _NOTHING, str(film["persons"]),
            join((_cell(film["recall_50"]), drawing.bar((film["recall_50"] or 0) / 100))),
            _cell(film["wrong_person"]), _cell(film["on_nobody"]), _cell(film["false_presence"]),
            str(film["id_switches"]),
        ]
        for film in values["films"]
    ]  # fmt: skip
    header = [
        "film", "side", "persons", "right, %", "somebody else, %", "nobody, %", "without person, %",
        "switches",
    ]  # fmt: skip
    return section(
        "grounding", "Grounding",
        tag("p", "Tracks against true boxes: per cent of the frames that count, then numbers."),
        table("Grounding by side of the split", ["", *sides], rows),
        table("Grounding by film; a column's name sorts", header, films, sortable=True,
              texts=(0, 1)),
    )  # fmt: skip


def probes(results: Results) -> Markup:
    """What the features know of the actions."""
    values = results.features
    if values["chance"] is None:
        said = "No film of two references in both train and test: nothing to probe."
        return section("features", "Features", tag("p", said))
    rows = [
        [label, join((_number(values[key]), drawing.bar((values[key] or 0) / 100)))]
        for key, label in FEATURES.items()
    ]
    return section(
        "features", "Features",
        tag("p", "A linear probe per class on the stored features, before any method: frame mAP on "
            f"{values['test_frames']:,} frames of test, fitted on {values['train_frames']:,} of "
            f"train, {values['classes']} classes. The crop should be above the whole frame, and "
            "the whole frame with the person's reference above the others."),
        table("Frame mAP of the probes, %", ["features", "mAP"], rows),
    )  # fmt: skip


def coverage(films: Sequence[FilmCoverage], drops: Sequence[Drop], filled: bool) -> Markup:
    """Films, persons, frames; how many frames have a crop; what was dropped, by reason.

    Args:
        films: all of the data set.
        drops: all that is known of.
        filled: whether it is known which crops are interpolated.
    """
    kinds = ["detected, %", "interpolated, %", "missing, %"] if filled else ["a crop, %", "none, %"]
    sides = [
        [
            side, str(len(own)), str(sum(f.persons for f in own)),
            format_duration(sum(f.seconds for f in own)), f"{sum(f.pairs for f in own):,}",
            *_shares(own, filled),
        ]
        for side, own in {**by_side(films), "all": films}.items()
    ]  # fmt: skip
    rows = [
        [
            bdi(film.movie), "+".join(film.sides) or _NOTHING, str(film.persons),
            format_duration(film.seconds), *_shares([film], filled),
            drawing.stacked(film.detected / film.pairs, film.interpolated / film.pairs),
        ]
        for film in films
    ]  # fmt: skip
    key = [tag("span", class_="key detected"), kinds[0].removesuffix(", %"), " "]
    if filled:
        key += [tag("span", class_="key interpolated"), "interpolated", " "]
    key += [tag("span", class_="key"), "missing"]
    noticed = [
        [drop.reason, drop.stage, f"{drop.count:,}", _few(drop.which)] for drop in drops
    ]  # fmt: skip
    return section(
        "data", "Data",
        tag("p", "Frames are counted once per person. The method learnt from the train side; "
            "a frame without a crop shows the method the whole frame alone. Missing are the frames "
            "in which the person is not in view, too."),
        table("The data set by side of the split",
              ["side", "films", "persons", "length", "frames", *kinds], sides),
        tag("details", tag("summary", f"The {len(films)} films"),
            table("Frames with a crop, by film; a column's name sorts",
                  ["film", "side", "persons", "length", *kinds, ""], rows, sortable=True,
                  texts=(0, 1)),
            tag("p", *key, class_="soft"), open=len(films) <= 30),
        table("Left out, cut or filled in", ["what", "noticed by", "how many", "which"],
              noticed, texts=range(9)),
    )  # fmt: skip


def _shares(films: Sequence[FilmCoverage], filled: bool) -> list[str]:
    pairs = sum(film.pairs for film in films)
    counts = [sum(f.detected for f in films), sum(f.missing for f in films)]
    if filled:
        counts.insert(1, sum(f.interpolated for f in films))
    return [f"{100 * count / pairs:.1f}" if pairs else _NOTHING for count in counts]


def _few(names: Sequence[str], most: int = 6) -> Markup:
    parts: list[str] = []
    for shown in names[:most]:
        parts += [bdi(shown), ", "]
    if len(names) > most:
        parts.append(f"and {len(names) - most} more")
    return join(parts[:-1] if len(names) <= most else parts)


def settings(values: Mapping[str, Any], model: Mapping[str, Any]) -> Markup:
    """The parameters, section by section, and what the method was built from."""
    everyday = {k: v for k, v in values.items() if not isinstance(v, Mapping)}
    parts = [table("Everyday switches", ["parameter", "value"], _rows(everyday), texts=range(9))]
    for key, own in values.items():
        if isinstance(own, Mapping):
            parts.append(_folded(key, own))
    if model:
        parts.append(_folded(f"{model['method']}, as it was built", model["config"]))
        parts.append(_folded("versions it was trained with", model.get("versions", {})))
    return section("settings", "Settings", *parts)


def _folded(title: str, values: Mapping[str, Any]) -> Markup:
    rows = _rows(values)
    made = table(title, ["parameter", "value"], rows, texts=range(9))
    return tag("details", tag("summary", f"{title} ({len(rows)})"), made)


def _rows(values: Mapping[str, Any], prefix: str = "") -> list[list[str]]:
    rows: list[list[str]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows += _rows(value, f"{prefix}{key}.")
        else:
            rows.append([tag("code", f"{prefix}{key}"), tag("code", _plain(value))])
    return rows


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    return str(value)


def hashes(named: Sequence[tuple[str, str, str]]) -> Markup:
    """What the run was made of: (what, where it lies, hash)."""
    rows = [[what, tag("code", where), tag("code", digest)] for what, where, digest in named]
    caption = "Content of what the run was made of"
    return section("hashes", "Hashes", table(caption, ["what", "where", "hash"], rows,
                                             texts=range(9)))  # fmt: skip


def navigation(entries: Sequence[tuple[str, str]]) -> Markup:
    """Links to the sections."""
    items = [tag("li", tag("a", title, href=f"#{key}")) for key, title in entries]
    return tag("nav", tag("ul", *items), aria_label="Sections")


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}"


def _cell(value: float | int | None) -> str:
    return str(value) if isinstance(value, int) else _number(value)


def _mean(values: Any) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return _number(known[0]) if known else _NOTHING
    return f"{statistics.fmean(known):.1f} ± {statistics.stdev(known):.1f}"
