"""Stills of RHAS-mini for the encoders: rendered once into a cache, drawn from it in batches.

The cache holds whole frames and a square around each person, both as a film's frames come to an
encoder: scaled to the height of the decoded frames, compressed as JPEG, cut, scaled. The square is
larger than the crop stage's, so that a batch can move and scale it as a tracker would.

Legend: S stills, N persons in a batch, C actions, J joints, A attributes (``FACTS``).
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from grounding_training.phrases import FACTS
from grounding_training.scenes import find_side
from training.rendering import PARTS, draw_parts, part_folder

from rhas.crop.cropping import cut_out
from rhas.mini import MINI_CLASSES, Scene, ScenePerson, sample_scenes
from rhas.mini.references import swap_sides
from rhas.mini.skeleton import JOINTS, SHOULDER_L, SHOULDER_R, HIP_L, HIP_R
from rhas.mini.things import THINGS

SIZE = 96  # pixels that the towers see
STORED = 112  # pixels of the cached squares: SIZE / STORED of their side is the crop
SHORT_SIDE, MARGIN = 180, 0.1  # decode.short_side and crop.margin in params.yaml
VISIBLE = 0.15  # below this nothing is learned of a person
CLASS = {name: number for number, name in enumerate(MINI_CLASSES)}
SIDE = list(FACTS).index("side")  # its values: left, right
HELD = {name: number for number, name in enumerate(("", *THINGS))}
TRAIN_SEED = 20_000
CACHE = Path(tempfile.gettempdir()) / "rhas_encoders"

PERSON = np.dtype([
    ("still", "i4"), ("box", "f4", 4), ("square", "f4", 3), ("visible", "f4"),
    ("joints", "f4", (JOINTS, 3)), ("facing", "f4"), ("mouth", "f4"), ("hidden", "u1"),
    ("held", "u1"), ("actions", "u1", len(CLASS)), ("facts", "i1", len(FACTS)), ("partner", "i1"),
])  # fmt: skip
"""A cached person. Lengths in heights of the picture (y down), from its upper left corner; box x
and y in fractions of the picture; square: left, top, side of the cached square; partner: how many
rows later the person is with whom something is done, 0 nobody."""

SWAPPED = np.arange(JOINTS)  # joints of a mirrored figure
for right, left, count in ((SHOULDER_R, SHOULDER_L, 3), (HIP_R, HIP_L, 4)):
    SWAPPED[right : right + count] = np.arange(left, left + count)
    SWAPPED[left : left + count] = np.arange(right, right + count)


def decode_frame(frame: np.ndarray, quality: int = 92) -> Image.Image:
    """A frame as the decode stage keeps it: its height or width at SHORT_SIDE, after JPEG."""
    height, width = frame.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    size = (round(width * scale), round(height * scale))
    image = Image.fromarray(frame)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=1)
    return Image.open(buffer)


def render_stills(cache: Path, scenes: int, seed: int = TRAIN_SEED) -> None:
    """Draws stills into ``cache``, on all cores; a run that was cut goes on.

    Args:
        cache: of the stills.
        scenes: how many, rounded down to a multiple of `PARTS`.
        seed: of the stills; the number of cores does not change them.
    """
    draw = partial(_render_part, scenes // PARTS, seed)
    draw_parts(cache, draw, os.cpu_count() or 1, {"scenes": scenes, "seed": seed})


def _render_part(scenes: int, seed: int, folder: Path, part: int) -> None:
    rng = np.random.default_rng((seed, part))
    paths = [folder / name for name in ("frames", "squares", "persons", "sentences")]
    with (
        paths[0].open("wb") as frames, paths[1].open("wb") as squares,
        paths[2].open("wb") as persons, paths[3].open("w") as sentences,
    ):  # fmt: skip
        drawn = sample_scenes(PARTS * seed + part, scenes, moments=8, step=1.4)
        for number, scene in enumerate(drawn):
            image = decode_frame(scene.frame, int(rng.integers(80, 96)))
            whole = image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            frames.write(np.asarray(whole).tobytes())
            seen = [p for p in scene.persons if p.visible >= VISIBLE]
            for place, person in enumerate(seen):
                row, square = _describe_person(number, scene, person, image)
                row["partner"] = _find_partner(scene, seen, person, place)
                squares.write(square.tobytes())
                persons.write(row.tobytes())
            shown = {p.reference for p in scene.persons}
            record = {
                "persons": [[p.reference, *p.alternatives] for p in seen],
                "absent": [r for r in scene.cast if r not in shown],
            }
            sentences.write(json.dumps(record) + "\n")


def _describe_person(
    still: int, scene: Scene, person: ScenePerson, image: Image.Image
) -> tuple[np.ndarray, np.ndarray]:
    height, width = scene.frame.shape[:2]
    x0, y0, x1, y1 = (v * image.height / height for v in person.box)
    side = max(x1 - x0, y1 - y0) * (1 + 2 * MARGIN) * STORED / SIZE
    margin = (STORED / SIZE * (1 + 2 * MARGIN) - 1) / 2
    square = cut_out(image, (x0, y0, x1, y1), margin, STORED)
    row = np.zeros((), PERSON)
    row["still"], row["visible"], row["mouth"] = still, person.visible, person.mouth
    row["box"] = np.divide(person.box, (width, height, width, height))
    corner = ((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)
    row["square"] = np.divide(corner, image.height)
    row["joints"] = np.divide(person.joints, height)
    row["facing"], row["hidden"], row["held"] = person.facing, person.hidden, HELD[person.held]
    for name in person.actions:
        row["actions"][CLASS[name]] = 1
    attributes = {**asdict(person.attributes), "side": find_side(row["box"])}
    row["facts"] = [v.index(attributes[k]) if attributes[k] in v else -1 for k, v in FACTS.items()]
    return row, square


def _find_partner(
    scene: Scene, seen: Sequence[ScenePerson], person: ScenePerson, place: int
) -> int:
    """How many places after a person the partner comes among those seen; 0 without one."""
    if person.partner < 0:
        return 0
    partner = scene.persons[person.partner]
    return next((n - place for n, other in enumerate(seen) if other is partner), 0)


@dataclass
class Batch:
    """Stills and the persons in them.

    frames, crops: float (S or N, 3, SIZE, SIZE), 0 to 1. By person: references; still int64 (N,);
    box float (N, 4), x0 y0 x1 y1 in fractions of the frame; joints float (N, J, 3) in fractions of
    the crop, depth from the pelvis; way float (N, 3), sine and cosine of where the body faces, how
    far the mouth is open; held int64 (N,); hidden float (N,); actions float (N, C);
    facts int64 (N, A), -1 none; frame_joints float (N, J, 2) in fractions of the frame; partner
    int64 (N,), the number of the person with whom something is done, their own for nobody. aspect
    float (S,), height over width of a frame. absent: (still, reference) of people of the story who
    are not in the picture.
    """

    frames: Tensor
    crops: Tensor
    references: list[str]
    still: Tensor
    box: Tensor
    joints: Tensor
    way: Tensor
    held: Tensor
    hidden: Tensor
    actions: Tensor
    facts: Tensor
    frame_joints: Tensor
    partner: Tensor
    aspect: Tensor
    absent: list[tuple[int, str]]


class ImageFiles:
    """Pictures of several files, side × side × 3 bytes each, numbered through."""

    def __init__(self, files: Sequence[Path], side: int) -> None:
        self._parts = [np.memmap(f, np.uint8, "r").reshape(-1, side, side, 3) for f in files]
        self._stop = np.cumsum([len(p) for p in self._parts])

    def __len__(self) -> int:
        return int(self._stop[-1])

    def __getitem__(self, numbers: np.ndarray) -> Tensor:
        """Those with these numbers, float (n, 3, side, side), 0 to 1, on the default device."""
        part = np.searchsorted(self._stop, numbers, "right")
        picked = [self._parts[p][n - self._stop[p]] for p, n in zip(part, numbers, strict=True)]
        return _tensor(np.stack(picked)).permute(0, 3, 1, 2).float() / 255


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).to(torch.get_default_device())


class Stills:
    """The stills in a cache, by `render_stills`."""

    def __init__(self, cache: Path) -> None:
        def files(name: str) -> list[Path]:
            return [part_folder(cache, part) / name for part in range(PARTS)]

        lines = [f.read_text("utf-8").splitlines() for f in files("sentences")]
        self.sentences: list[dict[str, Any]] = [json.loads(line) for part in lines for line in part]
        rows = [np.fromfile(f, PERSON) for f in files("persons")]
        for part, before in zip(rows, np.cumsum([0, *map(len, lines)]), strict=False):
            part["still"] += before
        self.rows = np.concatenate(rows)
        self.frames = ImageFiles(files("frames"), SIZE)
        self.squares = ImageFiles(files("squares"), STORED)
        self.first = np.searchsorted(self.rows["still"], np.arange(len(self.sentences) + 1))
        middle = self.rows["square"][:, 0] + self.rows["square"][:, 2] / 2  # in heights
        self.aspect = np.ones(len(self.sentences), np.float32)
        self.aspect[self.rows["still"]] = self.rows["box"][:, ::2].mean(1) / middle
        weights = self.compute_weights() * (np.diff(self.first) > 0)
        self._ladder = np.cumsum(weights / weights.sum())

    def __len__(self) -> int:
        return len(self.sentences)

    def compute_weights(self) -> np.ndarray:
        """How often each still is drawn, relative: more where a person does what is rare."""
        share = self.rows["actions"].mean(0) + 1e-3
        rarity = (self.rows["actions"] / np.sqrt(share)).max(1)
        best = np.full(len(self), 1.0)
        np.maximum.at(best, self.rows["still"], rarity)
        return best / best.sum()

    def list_words(self) -> set[str]:
        """Every word of the sentences."""
        present = (r for t in self.sentences for p in t["persons"] for r in p)
        absent = (r for t in self.sentences for r in t["absent"])
        return {word for r in (*present, *absent) for word in r.lower().split()}

    def draw_batch(self, size: int, *seed: int) -> Batch:
        """A random batch of ``size`` stills with somebody in them."""
        rng = np.random.default_rng(seed)
        chosen = np.searchsorted(self._ladder, rng.random(size)).clip(max=len(self) - 1)
        return self.make_batch(np.sort(chosen), rng)

    def make_batch(self, chosen: np.ndarray, rng: np.random.Generator | None) -> Batch:
        """The stills with these numbers; with ``rng`` mirrored, moved and lit at random."""
        spans = [np.arange(self.first[s], self.first[s + 1]) for s in chosen]
        rows = np.concatenate(spans)
        still = np.repeat(np.arange(len(chosen)), [len(s) for s in spans])
        people = self.rows[rows]
        mirrored = np.zeros(len(chosen), bool) if rng is None else rng.random(len(chosen)) < 0.5
        sentences = [
            s[0] if rng is None else s[int(rng.integers(len(s)))]
            for c in chosen for s in self.sentences[c]["persons"]
        ]  # fmt: skip
        absent = []
        for number, c in enumerate(chosen):
            gone = self.sentences[c]["absent"]
            if gone:
                pick = gone[0 if rng is None else int(rng.integers(len(gone)))]
                absent.append((number, swap_sides(pick) if mirrored[number] else pick))
        flip = mirrored[still]
        corner, side = _move_square(people["square"], rng)
        joints = people["joints"].copy()
        joints[..., :2] = (joints[..., :2] - corner[:, None]) / side[:, None, None]
        joints[..., 2] = (joints[..., 2] - joints[:, :1, 2]) / side[:, None]
        joints[flip, :, 0] = 1 - joints[flip, :, 0]
        joints[flip] = joints[flip][:, SWAPPED]
        box = people["box"].copy()
        aspect = self.aspect[chosen]
        far = (
            people["joints"][..., :2] * np.stack([aspect, np.ones_like(aspect)], 1)[still][:, None]
        )
        far[flip, :, 0] = 1 - far[flip, :, 0]
        far[flip] = far[flip][:, SWAPPED]
        box[flip] = np.stack([1 - box[flip, 2], box[flip, 1], 1 - box[flip, 0], box[flip, 3]], 1)
        facts = people["facts"].astype(np.int64)
        facts[flip, SIDE] = np.array([1, 0, -1])[facts[flip, SIDE]]
        facing = np.where(flip, -people["facing"], people["facing"])
        way = np.stack([np.sin(facing), np.cos(facing), people["mouth"]], 1)
        frames = self.frames[chosen]
        crops = crop_squares(self.squares[rows], people["square"], corner, side)
        frames[_tensor(mirrored)] = frames[_tensor(mirrored)].flip(3)
        crops[_tensor(flip)] = crops[_tensor(flip)].flip(3)
        return Batch(
            vary_light(frames, rng), vary_light(crops, rng),
            [swap_sides(s) if m else s for s, m in zip(sentences, flip, strict=True)],
            _tensor(still), _tensor(box), _tensor(joints),
            _tensor(way).float(), _tensor(people["held"].astype(np.int64)),
            _tensor(people["hidden"].astype(np.float32)),
            _tensor(people["actions"].astype(np.float32)),
            _tensor(facts),
            _tensor(far), _tensor(np.arange(len(people)) + people["partner"]), _tensor(aspect),
            absent,
        )  # fmt: skip


def _move_square(
    square: np.ndarray, rng: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray]:
    """Corner (N, 2) and side (N,) of the crop in a cached square (N, 3), as a tracker's box."""
    side = square[:, 2] * SIZE / STORED
    middle = square[:, :2] + square[:, 2:] / 2
    if rng is not None:
        middle = middle + (0.04 * rng.normal(size=middle.shape)).clip(-0.1, 0.1) * side[:, None]
        side = side * np.exp((0.08 * rng.normal(size=side.shape)).clip(-0.2, 0.2))
    return (middle - side[:, None] / 2).astype(np.float32), side.astype(np.float32)


def crop_squares(
    squares: Tensor, square: np.ndarray, corner: np.ndarray, side: np.ndarray
) -> Tensor:
    """Crops (N, 3, SIZE, SIZE) out of cached squares (N, 3, STORED, STORED)."""
    scale = _tensor(side / square[:, 2])
    middle = corner + side[:, None] / 2 - square[:, :2] - square[:, 2:] / 2
    shift = _tensor(2 * middle / square[:, 2:])  # (N, 2), of the half side
    theta = torch.zeros(len(squares), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, [len(squares), 3, SIZE, SIZE], align_corners=False)
    return F.grid_sample(squares, grid, padding_mode="border", align_corners=False)


def vary_light(images: Tensor, rng: np.random.Generator | None) -> Tensor:
    """Light, contrast and tint changed at random."""
    if rng is None:
        return images
    gain = _tensor(rng.uniform(0.9, 1.1, (len(images), 1, 1, 1)).astype(np.float32))
    shift = _tensor(rng.uniform(-0.04, 0.04, (len(images), 3, 1, 1)).astype(np.float32))
    return (images * gain + shift).clamp(0, 1)
