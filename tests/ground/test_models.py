"""Both implementations against each other, and against their libraries' plain use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_models as models
from conftest import REFERENCES, Pair
from torch import Tensor
from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor

from rhas.base.errors import RhasError
from rhas.config.ground import GroundConfig, Prompting
from rhas.ground import Candidates
from rhas.ground.huggingface import TransformersGrounder
from rhas.ground.model import ModelGrounder
from rhas.ground.official import OfficialGrounder

Found = list[list[Candidates]]


def grounder(
    folder: str,
    kind: type[ModelGrounder] = TransformersGrounder,
    **settings: Any,
) -> ModelGrounder:
    config = GroundConfig(policy="max", top_k=100, min_score=0.0, rival="", **settings)
    return kind(folder, config)  # type: ignore[call-arg,arg-type]


KINDS = pytest.mark.parametrize("kind", [TransformersGrounder, OfficialGrounder])


def folder_of(pair: Pair, kind: type[ModelGrounder]) -> str:
    return pair.official if kind is OfficialGrounder else pair.transformers


def text_encoder(made: ModelGrounder) -> Any:
    model = made._model  # type: ignore[attr-defined]
    return model.bert if isinstance(made, OfficialGrounder) else model.model.text_backbone


def check_same(one: Found, other: Found, tolerance: float) -> None:
    """Scores within the tolerance, boxes within as many frame sizes."""
    for row, expected in zip(one, other, strict=True):
        for a, b in zip(row, expected, strict=True):
            np.testing.assert_allclose(a.scores, b.scores, atol=tolerance)
            np.testing.assert_allclose(a.boxes, b.boxes, atol=120 * tolerance)


def largest_change(one: Found, other: Found) -> float:
    pairs = [(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)]
    return max(float(np.abs(a.scores - b.scores).max()) for a, b in pairs)


def test_both_implementations_agree_on_the_same_weights(
    pair: Pair, frames: list[np.ndarray]
) -> None:
    ours = grounder(pair.transformers).find_boxes(frames, REFERENCES)
    theirs = grounder(pair.official, OfficialGrounder).find_boxes(frames, REFERENCES)
    check_same(ours, theirs, 1e-5)
    scores = np.stack([[c.scores for c in row] for row in ours])  # (frames, references, 30)
    boxes = np.stack([[c.boxes for c in row] for row in ours])
    assert scores.std(2).min() > 0.01  # neither saturated ...
    assert boxes.std(2).min() > 5  # ... nor all the same
    assert np.abs(np.diff(scores, axis=0)).max() > 0.01


def test_transformers_as_its_library_is_used(tiny: str, frames: list[np.ndarray]) -> None:
    """One frame, one phrase, the library's own processor and post-processing."""
    model = GroundingDinoForObjectDetection.from_pretrained(tiny).eval()
    processor = GroundingDinoProcessor.from_pretrained(tiny)
    inputs = processor(images=frames[0].copy(), text="a man in a red coat.", return_tensors="pt")
    with torch.inference_mode():
        out = model(**inputs)
    plain = processor.post_process_grounded_object_detection(
        out, inputs["input_ids"], threshold=0.0, target_sizes=[frames[0].shape[:2]]
    )[0]
    assert len(plain["boxes"]) == 20
    words = out.logits[0, :, 1:7].sigmoid().amax(1)  # of [CLS] a man in a red coat . [SEP]
    order = words.argsort(descending=True, stable=True)
    boxes = plain["boxes"][order].clamp(min=0).minimum(torch.tensor([120, 90, 120, 90]))
    found = grounder(tiny).find_boxes(frames[:1], ["A man in a red coat."])[0][0]
    np.testing.assert_allclose(found.scores, words[order], atol=1e-5)
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-3)


def test_mm_grounding_dino_loads_through_the_same_class(
    tmp_path: Path, frames: list[np.ndarray]
) -> None:
    from transformers import MMGroundingDinoConfig, MMGroundingDinoForObjectDetection

    values = models.tiny_config().to_dict()
    values.pop("model_type")
    model = MMGroundingDinoForObjectDetection(MMGroundingDinoConfig(**values)).eval()
    folder = models.save_transformers(tmp_path / "mm", model, (64, 96))
    made = grounder(str(folder))
    rows = made.find_boxes(frames[:2], REFERENCES)
    assert all(len(c.scores) for row in rows for c in row)
    picture: Any = made.prepare_images(frames[:1])
    tokens = made.tokenizer("child .", return_tensors="pt")
    with torch.inference_mode():
        plain = model(pixel_values=picture[0], pixel_mask=picture[1], **tokens)
        logits, _ = made.detect(picture, "child .")
    torch.testing.assert_close(logits, plain.logits, atol=1e-4, rtol=0)


@KINDS
def test_a_batch_gives_what_each_frame_gives_alone(
    pair: Pair, frames: list[np.ndarray], kind: type[ModelGrounder]
) -> None:
    made = grounder(folder_of(pair, kind), kind)
    together = made.find_boxes(frames[:3], REFERENCES)
    alone = [made.find_boxes([frame], REFERENCES)[0] for frame in frames[:3]]
    check_same(together, alone, 1e-5)


def test_no_frames_or_no_references(tiny: str, frames: list[np.ndarray]) -> None:
    made = grounder(tiny)
    assert made.find_boxes([], REFERENCES) == []
    assert made.find_boxes(frames[:2], []) == [[], []]


def test_several_prompts_give_what_each_gives_alone(tiny: str, frames: list[np.ndarray]) -> None:
    made = grounder(tiny)
    made.token_limit = 16
    assert [p.references for p in made.make_prompts(REFERENCES).prompts] == [(0, 1), (2,)]
    split = made.find_boxes(frames[:2], REFERENCES)
    check_same([row[:2] for row in split], made.find_boxes(frames[:2], REFERENCES[:2]), 1e-6)
    check_same([row[2:] for row in split], made.find_boxes(frames[:2], REFERENCES[2:]), 1e-6)


def test_places_are_encoded_once_per_mask(tiny: str, frames: list[np.ndarray]) -> None:
    made = grounder(tiny)
    backbone = made._model.model.backbone
    places = backbone.position_embedding
    places._known.clear()
    ran: list[int] = []
    hook = places.encoding.register_forward_hook(lambda *_: ran.append(1))
    made.find_boxes(frames[:2], REFERENCES)
    once = len(ran)
    same = made.find_boxes(frames[2:5], REFERENCES)
    assert len(ran) == once
    assert {len(kept) for _, kept in places._known.values()} == {1}  # a picture's, not a batch's
    padded = [frames[0], frames[1][:60].copy()]  # another mask, in part of the same shape
    other = made.find_boxes(padded, REFERENCES)
    hook.remove()
    assert len(ran) > once
    try:
        backbone.position_embedding = places.encoding
        check_same(same, made.find_boxes(frames[2:5], REFERENCES), 0)
        check_same(other, made.find_boxes(padded, REFERENCES), 0)
    finally:
        backbone.position_embedding = places


@KINDS
def test_separate_references_give_what_each_gives_alone(
    pair: Pair, frames: list[np.ndarray], kind: type[ModelGrounder]
) -> None:
    """Bit for bit; the image backbone runs once per batch, the text encoder once per prompt."""
    made = grounder(folder_of(pair, kind), kind, prompting="separate")
    expected = [
        grounder(folder_of(pair, kind), kind).find_boxes(frames[:2], [r]) for r in REFERENCES
    ]
    ran: list[str] = []
    text_encoder(made)._known.clear()
    hooks = [
        made.vision.backbone.register_forward_hook(lambda *_: ran.append("image")),
        text_encoder(made).encoder.register_forward_hook(lambda *_: ran.append("text")),
    ]
    found = made.find_boxes(frames[:2], REFERENCES)
    again = made.find_boxes(frames[2:3], REFERENCES)
    for hook in hooks:
        hook.remove()
    assert sorted(ran) == ["image"] * 2 + ["text"] * 3
    for person, alone in enumerate(expected):
        check_same([[row[person]] for row in found], alone, 0)
    assert largest_change(found[:1], again) > 0.001  # another picture is not taken for the last
    packed = grounder(folder_of(pair, kind), kind).find_boxes(frames[:2], REFERENCES)
    assert largest_change(found, packed) > 1e-4


@pytest.mark.parametrize("prompting", ["packed", "separate"])
def test_the_same_reference_twice(
    tiny: str, frames: list[np.ndarray], prompting: Prompting
) -> None:
    made = grounder(tiny, prompting=prompting)
    once = made.find_boxes(frames[:2], REFERENCES[:2])
    twice = made.find_boxes(frames[:2], [*REFERENCES[:2], f" {REFERENCES[0].upper()}."])
    check_same([row[:2] for row in twice], once, 0)
    check_same([row[2:] for row in twice], [row[:1] for row in once], 0)


@KINDS
def test_half_precision_is_close(
    pair: Pair, frames: list[np.ndarray], kind: type[ModelGrounder]
) -> None:
    """Over the same queries: rounding changes which places become queries."""
    full = grounder(folder_of(pair, kind), kind)
    half = grounder(folder_of(pair, kind), kind, dtype="bfloat16")
    found, expected = (m.find_boxes(frames[:2], REFERENCES[:1]) for m in (half, full))
    scores = [np.concatenate([c.scores for row in rows for c in row]) for rows in (found, expected)]
    assert np.abs(scores[0] - scores[1]).max() > 0
    assert np.abs(np.median(scores[0]) - np.median(scores[1])) < 0.02
    assert all(len(row[0].boxes) == 30 for row in found)


def test_the_compiled_part_is_the_image_backbone(
    tiny: str, frames: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Any] = []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    made = grounder(tiny, compile=True)
    assert compiled == [made.vision.backbone]
    check_same(
        made.find_boxes(frames[:2], REFERENCES),
        grounder(tiny).find_boxes(frames[:2], REFERENCES),
        0,
    )


def test_a_device_that_is_not_here(tiny: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(RhasError, match=r"(?s)ground\.device: no CUDA device"):
        grounder(tiny, device="cuda", dtype="float16")


# Isolation of phrases that share a prompt: the text encoder keeps them apart altogether, the rest
# of the detector does not. The picture's features attend to all phrases (fusion), the queries are
# the places that fit any of them best, and the decoder's queries attend to the words of all.


@contextmanager
def hidden_states(made: ModelGrounder) -> Iterator[list[Tensor]]:
    seen: list[Tensor] = []
    hook = text_encoder(made).register_forward_hook(
        lambda module, args, out: seen.append(out["last_hidden_state"][0])
    )
    try:
        yield seen
    finally:
        hook.remove()


@KINDS
def test_the_text_encoder_keeps_phrases_apart(
    pair: Pair, frames: list[np.ndarray], kind: type[ModelGrounder]
) -> None:
    made = grounder(folder_of(pair, kind), kind)
    spans = made.make_prompts(REFERENCES).prompts[0].spans
    with hidden_states(made) as seen:
        made.find_boxes(frames[:1], REFERENCES)
        for reference in REFERENCES:
            made.find_boxes(frames[:1], [reference])
    packed, *alone = seen
    for (start, stop), own in zip(spans, alone, strict=True):
        torch.testing.assert_close(packed[start:stop], own[1:-2], atol=1e-5, rtol=0)
    ids = made.tokenizer(made.make_prompts(REFERENCES).prompts[0].text, return_tensors="pt")
    unmasked = text_encoder(made).encoder(**ids).last_hidden_state[0]
    assert (unmasked - packed).abs().max() > 1e-2  # the masks are what does it


def close_leaks(model: GroundingDinoForObjectDetection) -> None:
    """Cuts every way from one phrase to another but the text encoder's; see the note above."""
    with torch.no_grad():
        for layer in model.model.encoder.layers:
            layer.fusion_layer.vision_param.zero_()
        for layer in model.model.decoder.layers:
            layer.encoder_attn_text.out_proj.weight.zero_()
            layer.encoder_attn_text.out_proj.bias.zero_()
        queries = model.model.query_position_embeddings.weight
        queries.copy_(queries[:1].expand_as(queries))  # the order of the places counts for nothing


def test_packed_phrases_give_what_each_gives_alone_where_the_leaks_are_closed(
    tmp_path: Path, frames: list[np.ndarray]
) -> None:
    places = 4 * 6 + 2 * 3  # of 64 × 96 pixels at strides 16 and 32; all are queries
    model = models.random_model(models.tiny_config(queries=places))
    close_leaks(model)
    made = grounder(str(models.save_transformers(tmp_path, model, (64, 96))))
    packed = made.find_boxes(frames[:2], REFERENCES)
    for number, reference in enumerate(REFERENCES):
        alone = made.find_boxes(frames[:2], [reference])
        check_same([[row[number]] for row in packed], alone, 1e-5)
    assert largest_change([row[:1] for row in packed], [row[1:2] for row in packed]) > 0.01


def test_packed_phrases_do_change_each_other_otherwise(tiny: str, frames: list[np.ndarray]) -> None:
    made = grounder(tiny)
    packed = made.find_boxes(frames[:2], REFERENCES)
    alone = made.find_boxes(frames[:2], REFERENCES[:1])
    assert largest_change([row[:1] for row in packed], alone) > 1e-4
