"""The losses of the grounding recipe, over a batch at once, against the same scene by scene."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

RECIPES = Path(__file__).resolve().parents[2] / "weights"
SCENES, QUERIES, TOKENS = 3, 7, 12


@pytest.fixture(scope="module")
def losses() -> ModuleType:
    sys.path.insert(0, str(RECIPES))
    from grounding_training import losses

    return losses


@pytest.fixture
def batch(losses: ModuleType) -> Any:
    """Three scenes of 2, 1 and 3 persons, of whom one is hidden; 2, 3 and 1 phrases."""
    from grounding_training.batches import Batch

    torch.manual_seed(0)
    scene = torch.tensor([0, 0, 1, 2, 2, 2])
    corner, size = torch.rand(6, 2) * 0.5, 0.2 + torch.rand(6, 2) * 0.3
    words = torch.randint(-1, 2, (6, TOKENS)).float()
    spans = torch.zeros(SCENES, 3, TOKENS)
    for number, count in enumerate((2, 3, 1)):
        for phrase in range(count):
            spans[number, phrase, 1 + 3 * phrase : 3 + 3 * phrase] = 1
    mask = torch.ones(SCENES, TOKENS, dtype=torch.long)
    mask[2, 5:] = 0
    phrases = torch.tensor(
        [[1, 0, 0], [1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 0]], dtype=torch.float
    )
    return Batch(
        pixels=torch.zeros(SCENES, 3, 8, 8), input_ids=torch.zeros_like(mask), attention_mask=mask,
        scene=scene, boxes=torch.cat([corner, corner + size], 1),
        seen=torch.tensor([True, True, True, True, False, True]),
        facts=torch.zeros(6, len(losses.FACTS), dtype=torch.long), words=words,
        phrases=phrases, spans=spans, claims=torch.full((SCENES, TOKENS), -1), cells={},
    )  # fmt: skip


def guesses(batch: Any) -> tuple[Tensor, Tensor]:
    """Logits, and boxes of which every person has a near one."""
    torch.manual_seed(1)
    found = torch.rand(SCENES, QUERIES, 4) * 0.4 + 0.1
    for person, (number, box) in enumerate(zip(batch.scene.tolist(), batch.boxes, strict=True)):
        x0, y0, x1, y1 = (box + 0.01).tolist()
        found[number, person] = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])
    return torch.randn(SCENES, QUERIES, TOKENS), found


def corners(box: Tensor) -> list[float]:
    x, y, w, h = box.tolist()
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def overlaps(box: Tensor, person: Tensor) -> tuple[float, float]:
    """Intersection over union, and the generalised one."""
    a, b = corners(box), person.tolist()
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return shared / union, shared / union - (around - union) / around


def persons(batch: Any, number: int) -> list[int]:
    return [n for n, scene in enumerate(batch.scene.tolist()) if scene == number]


def test_the_assignment_is_the_cheapest_of_all(losses: ModuleType, batch: Any) -> None:
    logits, found = guesses(batch)

    def cost(number: int, query: int, person: int) -> float:
        box, words = found[number, query], batch.words[person]
        distance = sum(abs(a - b) for a, b in zip(corners(box), batch.boxes[person], strict=True))
        told = [
            torch.nn.functional.softplus(x) - x * y
            for x, y, real in zip(logits[number, query], words, batch.attention_mask[number],
                                  strict=True)
            if y >= 0
            for x in [x if real else torch.zeros(())]
        ]  # fmt: skip
        return float(5 * distance - 2 * overlaps(box, batch.boxes[person])[1]
                     + sum(told) / max(1, len(told)))  # fmt: skip

    owner = losses.match_queries(logits, found, batch)
    for number in range(SCENES):
        seen = [n for n in persons(batch, number) if batch.seen[n]]
        best = min(
            itertools.permutations(range(QUERIES), len(seen)),
            key=lambda chosen: sum(cost(number, q, n) for q, n in zip(chosen, seen, strict=True)),
        )
        expected = [-1] * QUERIES
        for query, person in zip(best, seen, strict=True):
            expected[query] = person
        assert owner[number].tolist() == expected


def test_the_ranking_is_that_of_each_scene(losses: ModuleType, batch: Any) -> None:
    logits, found = guesses(batch)
    scores = torch.where(batch.attention_mask.bool()[:, None], logits, 0.0)
    terms = []
    for number in range(SCENES):
        spans = [s for s in batch.spans[number] if s.any()]
        table = torch.stack([scores[number] @ s / s.sum().sqrt() for s in spans], 1)
        right = torch.zeros(QUERIES, len(spans), dtype=torch.bool)
        for query, (phrase, person) in itertools.product(
            range(QUERIES), itertools.product(range(len(spans)), persons(batch, number))
        ):
            covers = overlaps(found[number, query], batch.boxes[person])[0] >= 0.5
            right[query, phrase] |= bool(covers and batch.phrases[person, phrase])
        for rows, correct in ((table.T, right.T), (table, right)):
            missed = [
                r.logsumexp(0) - r[c].logsumexp(0)
                for r, c in zip(rows, correct, strict=True)
                if c.any()
            ]
            terms += [torch.stack(missed).mean()] if missed else []
    assert len(terms) == 2 * SCENES
    torch.testing.assert_close(losses.ranking_loss(scores, found, batch), sum(terms) / len(terms))


def test_the_losses_of_a_layer_are_those_of_its_boxes(losses: ModuleType, batch: Any) -> None:
    logits, found = guesses(batch)
    owner = torch.full((SCENES, QUERIES), -1)
    for person, number in enumerate(batch.scene.tolist()):
        owner[number, person] = person
    owner[1, 6] = -2
    words, boxes, nobody = [], [], 0.0
    for number, query in itertools.product(range(SCENES), range(QUERIES)):
        person = int(owner[number, query])
        scores = torch.where(batch.attention_mask[number].bool(), logits[number, query], 0.0)
        if person >= 0:
            said = batch.words[person] >= 0
            words += list(zip(scores[said], batch.words[person][said], strict=True))
            distance = torch.tensor(corners(found[number, query])) - batch.boxes[person]
            boxes.append((distance.abs().mean(), overlaps(found[number, query],
                                                          batch.boxes[person])[1]))  # fmt: skip
        elif person == -1:
            used = batch.spans[number].any(0)
            nobody += float((torch.nn.functional.softplus(scores) * scores.sigmoid() ** 2)[used]
                            .sum())  # fmt: skip
    made = losses.layer_losses(logits, found, owner, batch)
    told = torch.stack([torch.nn.functional.softplus(x) - x * y for x, y in words])
    torch.testing.assert_close(made["words"], 4 * told.mean())
    torch.testing.assert_close(float(made["nobody"]), 0.01 * nobody / SCENES)
    expected = 5 * sum(d for d, _ in boxes) / len(boxes) + sum(1 - g for _, g in boxes) / len(boxes)
    torch.testing.assert_close(float(made["box"]), float(expected))


def test_a_batch_without_anybody_has_losses_that_are_numbers(
    losses: ModuleType, batch: Any
) -> None:
    logits, found = guesses(batch)
    owner = torch.full((SCENES, QUERIES), -1)
    made = losses.layer_losses(logits, found, owner, batch)
    facts = sum(len(values) for values in losses.FACTS.values())
    made["facts"] = losses.value_loss(torch.randn(SCENES, QUERIES, facts), owner, batch)
    assert all(value.isfinite() for value in made.values()), made
