"""Rate of the pipeline's work on films against a named reference, in turn in the same process.

    python benchmarks/stage_rate.py decode [--film FILE ...]       against a plain PyAV loop
    python benchmarks/stage_rate.py extract --frames H5 --tracks H5    against the bare model
    python benchmarks/stage_rate.py segment [--movie mini_02]      against the stages' functions
    (all with --repeat 3, --params params.yaml, --json [FILE])

``times``: seconds over the reference's, median of the repetitions; below 1 is faster. Models have
one thread.

decode: the reference decodes every frame of the file with one thread and scales it to an RGB array;
it selects no frames and stores nothing. Without a film one is made: 20 s, 640 x 360, H.264.

extract: the reference gets the same images in the same batches as normalised tensors in memory, and
drops its results. The stage reads, decodes, scales, normalises and writes; it decodes ahead in
threads of its own. Taken are the first ``--count`` frames of a film's stores.

segment: `rhas segment` without its overlay, part by part, against the functions of decode, ground,
crop and extract on the whole film. Its decode includes its checks of model and checkpoints before;
what it does after (scores, page, tables) is ``rest`` and has no reference. Without a movie: the
first test film of the manifest.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
import torch
from measure import (
    Seconds,
    elapsed,
    format_rows,
    make_parser,
    median,
    median_ratio,
    read_clocks,
    show,
    time_in_turn,
)
from torch import Tensor

from rhas.base.errors import RhasError
from rhas.base.program import run_script
from rhas.base.progress import ignore_progress
from rhas.base.threads import torch_threads
from rhas.config.params import FilmParams, parse_params, read_yaml
from rhas.decode.container import inspect_film
from rhas.decode.step import DECODE
from rhas.engine.steps import FilmFiles
from rhas.extract.encoders import Encoder, Text, load_encoder
from rhas.extract.pictures import FilmPictures
from rhas.extract.step import EXTRACT
from rhas.pipeline.steps import FILM_STEPS
from rhas.segment.models import find_readout
from rhas.segment.run import SegmentRequest, segment_film
from rhas.stores.frames import count_frames, open_frames, write_frame_chunk
from rhas.stores.manifest import Film, Manifest
from rhas.stores.tracks import FilmTracks, open_tracks, write_track_chunk

STAGES = ("decode", "ground", "crop", "extract")
Row = dict[str, float]
Ready = list[tuple[Tensor, Tensor, np.ndarray]]
StageSeconds = dict[str, Seconds]


def compare(times: list[Seconds], reference: list[Seconds]) -> Row:
    """Seconds of both, medians, and how many times the reference's ours are."""
    own, other, ratio = median(times), median(reference), median_ratio(times, reference)
    return {
        "reference_cpu_s": other.cpu, "cpu_s": own.cpu, "times_cpu": ratio.cpu,
        "reference_clock_s": other.clock, "clock_s": own.clock, "times_clock": ratio.clock,
    }  # fmt: skip


def read_params(options: argparse.Namespace) -> FilmParams:
    """Those of --params, with another encoder or checkpoint where one is named."""
    values = read_yaml(options.params)
    vlm = values["vlm"] = options.vlm or values["vlm"]
    if options.checkpoint:
        values["extract"]["checkpoints"][vlm] = str(options.checkpoint)
    return parse_params(FilmParams, values)


# Decode.


def make_film(path: Path, frames: int = 600, width: int = 640, height: int = 360) -> Path:
    """Textured images that drift, with grain: neither trivial nor hopeless to compress."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (height // 8, width // 4, 3), np.uint8)
    wide = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for n in range(frames):
            x = 2 * n % (wide.shape[1] - width)
            grain = rng.integers(-4, 5, (height, width, 1), np.int16)
            image = np.clip(wide[:, x : x + width] + grain, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def decode_plainly(film: Path, width: int, height: int) -> int:
    """Decodes and scales every frame of a file; returns their number."""
    count = 0
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            frame.to_ndarray(width=width, height=height, format="rgb24")
            count += 1
    return count


def measure_decode(options: argparse.Namespace, folder: Path) -> dict[str, Row]:
    config, rows = read_params(options).decode, {}
    for film in options.film or [make_film(folder / "made.mp4")]:
        width, height = inspect_film(film).fit_size(config.short_side)
        job = DECODE.make_job(FilmFiles(film.stem, film=film), config)
        plain = partial(decode_plainly, film, width, height)
        ours = partial(job.run, folder / "frames.h5", ignore_progress)
        times = time_in_turn({"plain": plain, "ours": ours}, options.repeat)
        count = plain()
        rate = count / median(times["ours"]).clock
        rows[film.name] = {
            "source_frames": count, "source_frames_per_s": rate,
            **compare(times["ours"], times["plain"]),
        }  # fmt: skip
    return rows


# Extract.


def load_tensors(frames: Path, tracks: Path, encoder: Encoder, batch: int) -> Ready:
    """By block: pixels of the whole frames, pixels of the crops, and whose crops they are."""
    ready: Ready = []
    with open_frames(frames) as frame_store, open_tracks(tracks) as track_store:
        film = FilmPictures(frame_store, track_store, encoder.resized)
        for block in film.read_blocks(batch, threads=1):
            crops = encoder.pixels(block.crops) if len(block.crops) else torch.empty(0)
            ready.append((encoder.pixels(block.whole), crops, block.persons))
    return ready


@torch.inference_mode()
def run_model(encoder: Encoder, texts: list[Text], ready: Ready, batch: int) -> None:
    """The model's calls, and nothing else."""
    for whole, crops, persons in ready:
        tokens = encoder._vision(whole)
        for text in texts:
            encoder._fused(tokens, text).mean(dim=1)
        for start in range(0, len(crops), batch):
            tokens = encoder._vision(crops[start : start + batch])
            owners = persons[start : start + batch]
            for person in np.unique(owners):
                part = slice(*np.searchsorted(owners, (person, person + 1)))
                encoder._fused(tokens[part], texts[person]).mean(dim=1)


def measure_extract(options: argparse.Namespace, folder: Path) -> dict[str, Row]:
    config = read_params(options).extract
    frames, tracks, out = folder / "frames.h5", folder / "tracks.h5", folder / "store.zarr"
    stop = min(options.count, count_frames(options.frames))
    write_frame_chunk(options.frames, "", 0, stop, frames)
    write_track_chunk(options.tracks, "", 0, stop, tracks)
    batch = 64 if config.batch_size == "auto" else config.batch_size
    encoder = load_encoder(config.vlm, Path(config.checkpoint))
    ready = load_tensors(frames, tracks, encoder, batch)
    texts = encoder.encode_text(FilmTracks.read(tracks).references)
    job = EXTRACT.make_job(FilmFiles("film", frames=frames, tracks=tracks), config)

    def ours() -> None:
        shutil.rmtree(out, ignore_errors=True)
        job.run(out, ignore_progress)

    bare = partial(run_model, encoder, texts, ready, batch)
    times = time_in_turn({"bare": bare, "ours": ours}, options.repeat)
    counts = {
        "frames": float(sum(len(whole) for whole, _, _ in ready)),
        "crops": float(sum(len(crops) for _, crops, _ in ready)),
    }
    return {config.vlm: {**counts, **compare(times["ours"], times["bare"])}}


# Segment.


class StageWatch:
    """Seconds since the last note, by stage."""

    def __init__(self) -> None:
        self.seconds: StageSeconds = {}
        self._last = read_clocks()

    def note(self, stage: str) -> None:
        self.seconds[stage] = elapsed(self._last)
        self._last = read_clocks()


def run_stages(film: Film, path: Path, params: FilmParams, folder: Path) -> StageSeconds:
    """The stages' functions one after the other on the whole film; ``path`` is its file."""
    watch = StageWatch()
    files = FilmFiles(film.movie, film.references, film=path)
    with torch_threads(1):
        for step in FILM_STEPS:
            out = folder / f"{step.name}{step.suffix}"
            step.make_job(files, params.get_section(step.config)).run(out, ignore_progress)
            files = files.add(step.output, out)
            watch.note(step.name)
    return watch.seconds


def run_command(request: SegmentRequest) -> StageSeconds:
    """`rhas segment`, without the overlay."""
    watch = StageWatch()

    def note_stage(line: str) -> None:
        stage = line.partition(":")[0]
        if stage in STAGES:
            watch.note(stage)

    segment_film(request, note_stage)
    watch.note("rest")
    return watch.seconds


def compare_stages(pairs: list[tuple[StageSeconds, StageSeconds]]) -> dict[str, Row]:
    """Rows by stage, of all four and of the rest, of pairs of runs (stages, command)."""
    rows = {}
    for name in (*STAGES, "all"):
        members = STAGES if name == "all" else (name,)
        stages, command = (
            [Seconds(*(sum(s[m][k] for m in members) for k in (0, 1))) for s in runs]
            for runs in zip(*pairs, strict=True)
        )
        rows[name] = compare(command, stages)
    rest = median(command["rest"] for _, command in pairs)
    return {**rows, "rest": {"cpu_s": rest.cpu, "clock_s": rest.clock}}


def measure_segment(options: argparse.Namespace, folder: Path) -> dict[str, Row]:
    params = read_params(options)
    films = Manifest.read(options.raw).films
    named = [
        f for f in films if (f.movie == options.movie if options.movie else f.subset == "test")
    ]
    if not named:
        raise RhasError("no such film", where="--movie", got=options.movie or "no test film")
    film, pairs = named[0], []
    path, readout = options.raw / film.file, find_readout(options.model, Path("results"))
    for turn in range(options.repeat):
        stages, out = folder / f"stages_{turn}", folder / f"segment_{turn}"
        stages.mkdir()
        request = SegmentRequest(
            path, film.references, out, options.model, readout, params, overlay=False
        )
        pairs.append((run_stages(film, path, params, stages), run_command(request)))
    return compare_stages(pairs)


PARTS: dict[str, Callable[[argparse.Namespace, Path], dict[str, Row]]] = {
    "decode": measure_decode, "extract": measure_extract, "segment": measure_segment,
}  # fmt: skip


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--film", type=Path, nargs="+", help="decode: files")
    parser.add_argument("--frames", type=Path, help="extract: data/frames/<movie>.h5")
    parser.add_argument("--tracks", type=Path, help="extract: data/tracks/<movie>.h5")
    parser.add_argument("--count", type=int, default=512, help="extract: frames")
    parser.add_argument("--vlm", help="extract: another than that of params.yaml")
    parser.add_argument("--checkpoint", type=Path, help="extract: of the encoder")
    parser.add_argument("--raw", type=Path, default=Path("data/raw"), help="segment")
    parser.add_argument("--movie", help="segment: a movie of the manifest")
    parser.add_argument("--model", type=Path, default=Path("models/hopadiff"), help="segment")
    options = parser.parse_args()
    if options.part == "extract" and not (options.frames and options.tracks):
        parser.error("extract needs --frames and --tracks")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        rows = PARTS[options.part](options, Path(name))
    show(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    run_script(main)
