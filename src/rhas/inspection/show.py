"""What `rhas.inspection.describe` found, as rich renderables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rhas.base.classes import CLASSES
from rhas.base.formatting import format_duration, format_size
from rhas.stores.checking import Facts

_HASH_SHOWN = 12
_MAX_CLASSES = 200


def format_facts(facts: Facts) -> Iterator[RenderableType]:
    """Tables and lines for people."""
    yield Text.assemble((str(facts["kind"]), "bold"), f"  {facts['path']}")
    yield from _SHOWERS[facts["kind"]](facts)
    for error in facts.get("damaged", {}).values():
        yield Text(f"! {error}", style="bold red")
    for flag in facts.get("flags", []):
        yield Text(f"! {flag}", style="yellow")


def _format_feature_store(facts: Facts) -> Iterator[RenderableType]:
    persons = facts["persons"]
    own = facts["attributes"]
    frames, fps = facts["frames"], own.get("fps")
    time = f" = {format_duration(frames / fps)} at {fps:g} fps" if fps else ""
    yield _format_pairs(
        {
            "movie": own.get("movie"),
            "frames": f"{frames:,}{time}",
            "on disk": f"{format_size(facts['bytes'])} in {facts['files']} files",
            "encoder": f"{own.get('encoder')}, checkpoint {own.get('checkpoint')}",
            "checkpoint's SHA-256": own.get("checkpoint_hash"),
        }
    )
    yield _format_arrays(facts["arrays"])
    table = _make_table("", "reference", "coverage", "statistics: mean ± std (largest)", "flags")
    for number, person in enumerate(persons):
        table.add_row(
            str(number),
            Text(str(person["reference"])),
            _format_coverage(person["coverage"]),
            _format_statistics(person["statistics"]),
            _format_flags(person["flags"]),
        )
    yield _without_empty(table)


def _format_arrays(arrays: Facts) -> Table:
    names = ("array", "shape", "type", "chunk", "shard × files", "bytes", "stored")
    table = _make_table(*names, title="arrays, persons first")
    for name, array in arrays.items():
        coding = ", ".join(array["compression"]) or "uncompressed"
        table.add_row(
            name,
            _format_shape(array["shape"]),
            array["dtype"],
            _format_shape(array["chunk"]),
            f"{_format_shape(array['shard'])} × {array['files']}" if array["shard"] else "none",
            format_size(array["bytes"]),
            f"{format_size(array['stored_bytes'])}, {coding}",
        )
    return table


def _format_feature_stores(facts: Facts) -> Iterator[RenderableType]:
    rows = facts["stores"]
    table = _make_table(
        "store", "persons", "frames", "time", "D", "size", "present", "flags", right=(1, 7)
    )
    for row in rows:
        table.add_row(
            Text(row["store"]),
            str(row["persons"]),
            f"{row['frames']:,}",
            format_duration(row["frames"] / row["fps"]) if row["fps"] else "?",
            str(row["D"]),
            format_size(row["bytes"]),
            _format_share(row["present"]),
            _format_flags(row["flags"]),
        )
    table.add_section()
    known = [row for row in rows if row["present"] is not None]
    weight = sum(row["persons"] * row["frames"] for row in known)
    present = sum(row["present"] * row["persons"] * row["frames"] for row in known)
    table.add_row(
        f"{len(rows)} stores",
        str(sum(row["persons"] for row in rows)),
        f"{sum(row['frames'] for row in rows):,}",
        format_duration(sum(row["frames"] / row["fps"] for row in rows if row["fps"])),
        "",
        format_size(facts["bytes"]),
        _format_share(present / weight if weight else None),
        "",
    )
    yield table
    for encoder, checkpoint, content in sorted(
        {(str(r["encoder"]), str(r["checkpoint"]), r["checkpoint_hash"] or "") for r in rows}
    ):
        digest = f", SHA-256 {content[:_HASH_SHOWN]}…" if content else ""
        yield Text(f"encoder {encoder}, checkpoint {checkpoint}{digest}")


def _format_frames(facts: Facts) -> Iterator[RenderableType]:
    own = facts["attributes"]
    per_frame = facts["jpeg_bytes"] / max(facts["frames"], 1)
    yield _format_pairs(
        {
            "movie": own.get("movie"),
            "frames": f"{facts['frames']:,} = {format_duration(facts['seconds'])} at "
            f"{own['fps']:g} fps, {facts['repeated']:,} repeat the one before",
            "pictures": f"{facts['size']}, JPEG {own.get('quality')}, "
            f"{format_size(per_frame)} each",
            "source": f"{own.get('source_width')}×{own.get('source_height')} {own.get('codec')}, "
            f"{own.get('source_fps', 0):.3f} fps, {own.get('source_seconds', 0):.2f} s, "
            f"turned by {own.get('rotation')}°, read by {own.get('reader')}",
            "on disk": format_size(facts["bytes"]),
        }
    )


def _format_boxes(facts: Facts) -> Iterator[RenderableType]:
    own = facts["attributes"]
    sampled = facts["sampled_frames"]
    yield _format_pairs(
        {
            "movie": own.get("movie"),
            "sampled frames": f"{sampled:,}, every {own.get('stride')}th",
            "model": f"{own.get('backend')} {own.get('checkpoint')}, policy {own.get('policy')}",
            "on disk": format_size(facts["bytes"]),
        }
    )
    table = _make_table(
        "", "reference", "candidates", "frames without", "best score, 10/50/90 %", "flags",
        right=(2, 4),
    )  # fmt: skip
    for person, row in enumerate(facts["persons"]):
        table.add_row(
            str(person),
            Text(row["reference"]),
            f"{row['candidates']:,}",
            f"{row['frames_without']:,}",
            " / ".join(f"{score:.2f}" for score in row["best_score"].values()) or "-",
            _format_flags(row["flags"]),
        )
    yield _without_empty(table)


def _format_tracks(facts: Facts) -> Iterator[RenderableType]:
    own = facts["attributes"]
    yield _format_pairs(
        {
            "movie": own.get("movie"),
            "frames": f"{facts['frames']:,} in {facts['shots']} shots",
            "crops": f"{own.get('size')}×{own.get('size')} pixels, margin {own.get('margin')}",
            "on disk": format_size(facts["bytes"]),
        }
    )
    table = _make_table(
        "", "reference", "coverage", "longer side, px", "JPEG", "flags", right=(3, 5)
    )
    for person, row in enumerate(facts["persons"]):
        table.add_row(
            str(person),
            Text(row["reference"]),
            _format_coverage(row["coverage"]),
            "-" if row["longer_side"] is None else f"{row['longer_side']:.0f}",
            format_size(row["jpeg_bytes"]),
            _format_flags(row["flags"]),
        )
    yield _without_empty(table)


def _format_film_stores(facts: Facts) -> Iterator[RenderableType]:
    rows = facts["files"]
    table = _make_table(
        "file", "kind", "frames", "persons", "size", "detected", "interpolated", "missing", "flags",
        right=(2, 8),
    )  # fmt: skip
    for row in rows:
        shares = row.get("coverage", {})
        table.add_row(
            Text(row["file"]),
            row["kind"],
            f"{row['frames']:,}" if "frames" in row else "-",
            str(row["persons"] or "-"),
            format_size(row["bytes"]),
            *(
                _format_share(shares[n]) if n in shares else ""
                for n in ("detected", "interpolated", "missing")
            ),
            _format_flags(row["flags"]),
        )
    table.add_section()
    table.add_row(f"{len(rows)} files", "", "", "", format_size(facts["bytes"]), "", "", "", "")
    yield _without_empty(table)


def _format_samples(facts: Facts) -> Iterator[RenderableType]:
    yield _format_pairs(
        {
            "windows": f"{facts['L']:,} frames at {facts['fps']:g} fps, split {facts['split']}",
            "features": f"{facts['features']}, D {facts['D']}, D_text {facts['D_text']}",
            "dropped": ", ".join(f"{n} {c}" for n, c in facts["dropped"].items() if c) or "nothing",
            "not annotated": f"{len(facts['persons_without_annotation'])} persons",
        }
    )
    table = _make_table(
        "", "samples", "movies", "persons", "frames", "padding", "intervals", "classes",
        right=(1, 8),
    )  # fmt: skip
    for side, row in facts["sides"].items():
        table.add_row(
            side,
            str(row["samples"]),
            str(row["movies"]),
            str(row["persons"]),
            f"{row['frames']:,}",
            _format_share(row["padding"]),
            f"{row['intervals']:,}",
            f"{row['classes']} of {facts['C']}",
        )
    yield table
    rare = [n for n, counts in facts["classes"].items() if counts["train"] < 5]
    if rare:
        yield Text(f"fewer than 5 intervals in train: {', '.join(rare)}")


def _format_model(facts: Facts) -> Iterator[RenderableType]:
    report, train = facts["report"] or {}, facts["train"] or {}
    last = report.get("last", {})
    dims = facts["dims"] or {}
    on = [
        n for n in ("partial_branch", "hp_xlstm", "bca", "dft_condition") if facts["config"].get(n)
    ]
    yield _format_pairs(
        {
            "method": facts["method"],
            "sizes": ", ".join(f"{name} {value}" for name, value in dims.items()),
            "classes": _list_classes(facts["classes"], dims.get("C")),
            "switched on": ", ".join(on) or "none of the paper's parts",
            "trained": f"preset {train.get('preset')}, {train.get('epochs')} epochs, batch "
            f"{train.get('batch_size')}, seed {train.get('seed')}, on {train.get('device')}",
            "last figures": ", ".join(
                f"{name} {last[name]:.4g}"
                for name in ("train/loss", "val/loss", "val/map")
                if name in last
            ),
            "made with": ", ".join(f"{n} {v}" for n, v in (facts["versions"] or {}).items()),
        }
    )
    yield from _format_parts(facts)


def _list_classes(names: Sequence[str] | None, count: int | None) -> str:
    if names is None:
        return "those of RHAS133" if count == len(CLASSES) else "without names"
    more = f" and {len(names) - _MAX_CLASSES} more" if len(names) > _MAX_CLASSES else ""
    return ", ".join(names[:_MAX_CLASSES]) + more


def _format_weights(facts: Facts) -> Iterator[RenderableType]:
    yield _format_pairs({"architecture": facts["architecture"]})
    yield from _format_parts(facts)


def _format_parts(facts: Facts) -> Iterator[RenderableType]:
    if facts["parts"]:
        table = _make_table("part", "tensors", "values", right=(1, 3))
        for name, part in facts["parts"].items():
            table.add_row(Text(name), str(part["tensors"]), f"{part['parameters']:,}")
        table.add_section()
        total = sum(part["tensors"] for part in facts["parts"].values())
        table.add_row(", ".join(facts["dtypes"]), str(total), f"{facts['parameters']:,}")
        yield table
    yield Text(", ".join(f"{name} {format_size(count)}" for name, count in facts["files"].items()))


def _format_scores(facts: Facts) -> Iterator[RenderableType]:
    frames, fps = facts["frames"], facts["fps"]
    yield _format_pairs(
        {
            "frames": f"{frames:,} = {format_duration(frames / fps)} at {fps:g} fps",
            "classes": facts["classes"],
            "on disk": format_size(facts["bytes"]),
        }
    )
    table = _make_table("", "reference", "highest mean scores", "flags")
    for person, row in enumerate(facts["persons"]):
        highest = ", ".join(f"{name} {mean:.2f}" for name, mean in row["highest"].items())
        table.add_row(
            str(person), Text(row["reference"]), Text(highest), _format_flags(row["flags"])
        )
    yield _without_empty(table)


_SHOWERS = {
    "feature store": _format_feature_store,
    "feature stores": _format_feature_stores,
    "frames": _format_frames,
    "boxes": _format_boxes,
    "tracks": _format_tracks,
    "film stores": _format_film_stores,
    "samples": _format_samples,
    "model": _format_model,
    "weights": _format_weights,
    "scores": _format_scores,
}


def _make_table(*columns: str, title: str = "", right: tuple[int, int] = (0, 0)) -> Table:
    table = Table(title=title or None, title_justify="left")
    for number, column in enumerate(columns):
        if number in range(*right):
            table.add_column(column, justify="right")
        else:
            table.add_column(column, overflow="fold")
    return table


def _without_empty(table: Table) -> Table:
    """The table without columns (the first excepted) that hold nothing."""
    table.columns[1:] = [c for c in table.columns[1:] if any(str(cell) for cell in c.cells)]
    return table


def _format_pairs(values: Facts) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in values.items():
        grid.add_row(Text(name, style="dim"), Text("-" if value is None else str(value)))
    return grid


def _format_shape(shape: list[int] | None) -> str:
    return "×".join(map(str, shape or ()))


def _format_share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _format_coverage(counts: Mapping[str, int]) -> Text:
    total = sum(counts.values()) or 1
    order = [n for n in ("present", "detected", "interpolated", "missing") if n in counts]
    return Text("\n".join(f"{name} {counts[name] / total:.0%}" for name in order))


def _format_statistics(streams: Mapping[str, Mapping[str, float]]) -> Text:
    lines = [
        "{} {} ± {} ({})".format(
            stream, *(_format_figure(f, n) for n in ("mean", "std", "abs_max"))
        )
        for stream, f in streams.items()
    ]
    return Text("\n".join(lines) or "none stored")


def _format_figure(figures: Mapping[str, float], name: str) -> str:
    value = figures.get(name)
    return "?" if value is None else f"{value:.3g}"


def _format_flags(flags: list[str]) -> Text:
    return Text("\n".join(flags), style="yellow")
