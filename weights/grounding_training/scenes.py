"""Training scenes: stills of RHAS-mini rendered once, at the resolution that the model sees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

import rhas.base.compat  # noqa: F401  before transformers
from training.rendering import PARTS, draw_parts, part_folder
from transformers import GroundingDinoImageProcessor

from rhas.mini.appearance import Attributes
from rhas.mini.references import swap_sides
from rhas.mini.scenes import sample_scenes
from rhas.stores.jpeg import decode_jpeg, encode_jpeg

MIDDLE = (0.48, 0.52)  # of the picture's width: neither left nor right


@dataclass(frozen=True)
class Person:
    """A person of a cached scene; box in fractions of the picture, x1 y1 x2 y2."""

    reference: str
    alternatives: tuple[str, ...]
    box: tuple[float, float, float, float]
    visible: float
    attributes: Attributes
    joints: np.ndarray
    """float32 (J, 2), fractions of the picture."""


@dataclass(frozen=True)
class Scene:
    """A scene at the model's resolution; image uint8 (3, h, w)."""

    image: np.ndarray
    persons: tuple[Person, ...]
    absent: tuple[str, ...]
    """References of those of the story who are not in the picture."""


def render_scenes(folder: Path, seed: int, count: int, size: dict[str, int], workers: int) -> None:
    """Renders ``count`` scenes into ``folder``; a run that was cut goes on.

    Args:
        folder: of the scenes.
        seed: of the scenes.
        count: how many, rounded down to a multiple of `PARTS`.
        size: ``shortest_edge`` and ``longest_edge`` of the model's pictures, pixels.
        workers: processes; they do not change the scenes.
    """
    draw = partial(_render_part, seed, count // PARTS, size)
    draw_parts(folder, draw, workers, {"scenes": count, "seed": seed, **size})


def _render_part(seed: int, count: int, size: dict[str, int], folder: Path, part: int) -> None:
    """Stills after a JPEG round trip of varied quality, as films and frame stores leave them."""
    processor = GroundingDinoImageProcessor(size=size)
    rng = np.random.default_rng((seed, part))
    rows = []
    with (folder / "pixels.u8").open("wb") as pixels:
        for scene in sample_scenes(1000 * seed + part, count, moments=4, step=2.0):
            frame = decode_jpeg(encode_jpeg(scene.frame, int(rng.integers(45, 95)))).copy()
            height, width = frame.shape[:2]
            resized = processor(
                images=[frame], do_rescale=False, do_normalize=False, do_pad=False,
                return_tensors="pt",
            )["pixel_values"][0].round().clamp(0, 255).numpy().astype(np.uint8)  # fmt: skip
            pixels.write(resized.tobytes())
            persons = [
                {
                    "reference": p.reference,
                    "alternatives": p.alternatives,
                    "box": (np.asarray(p.box) / [width, height, width, height]).tolist(),
                    "visible": float(p.visible),
                    "joints": (np.asarray(p.joints)[:, :2] / [width, height]).round(4).tolist(),
                    "attributes": asdict(p.attributes),
                }
                for p in scene.persons
            ]
            shown = {p.reference for p in scene.persons}
            absent = [r for r in scene.cast if r not in shown]
            rows.append({"shape": resized.shape, "persons": persons, "absent": absent})
    (folder / "scenes.json").write_text(json.dumps(rows), "utf-8")


def load_scenes(folder: Path) -> list[Scene]:
    """Scenes written by `render_scenes`; pictures stay on disk until they are used.

    Everybody is given a side of the picture by where they stand, so that "on the left" is learned
    from all scenes, not from the few whose look-alikes keep to a side.
    """
    scenes = []
    for part in (part_folder(folder, number) for number in range(PARTS)):
        pixels = np.memmap(part / "pixels.u8", np.uint8, "r")
        at = 0
        for row in json.loads((part / "scenes.json").read_text("utf-8")):
            size = int(np.prod(row["shape"]))
            persons = tuple(
                Person(p["reference"], tuple(p["alternatives"]), tuple(p["box"]), p["visible"],
                       replace(Attributes(**p["attributes"]), side=find_side(p["box"])),
                       np.asarray(p["joints"], np.float32))
                for p in row["persons"]
            )  # fmt: skip
            image = pixels[at : at + size].reshape(row["shape"])
            scenes.append(Scene(image, persons, tuple(row["absent"])))
            at += size
    return scenes


def find_side(box: Sequence[float]) -> str | None:
    """The side of the picture that a box (x1 y1 x2 y2 in fractions of it) is on."""
    centre = (box[0] + box[2]) / 2
    return "left" if centre < MIDDLE[0] else "right" if centre > MIDDLE[1] else None


def mirror_scene(scene: Scene) -> Scene:
    """The mirror image, its left and right renamed."""
    names = {"left": "right", "right": "left", None: None}
    persons = tuple(
        Person(swap_sides(p.reference), tuple(swap_sides(a) for a in p.alternatives),
               (1 - p.box[2], p.box[1], 1 - p.box[0], p.box[3]), p.visible,
               replace(p.attributes, side=names[p.attributes.side]),
               np.float32([1, 0]) + np.float32([-1, 1]) * p.joints)
        for p in scene.persons
    )  # fmt: skip
    return Scene(scene.image[:, :, ::-1], persons, tuple(swap_sides(a) for a in scene.absent))
