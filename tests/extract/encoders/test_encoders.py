"""Every encoder: shapes, invariances, and the published models' own outputs as oracle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rhas.base.errors import RhasError
from rhas.config.section import TOKEN_ENCODERS
from rhas.extract.encoders import Encoder, load_encoder

VLMS = ("blip2", "clip", "siglip2")


def pictures(n: int, height: int = 40, width: int = 56, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, height, width, 3), np.uint8)


@pytest.fixture(params=VLMS)
def encoder(request: pytest.FixtureRequest, checkpoints: dict[str, Path]) -> Encoder:
    return load_encoder(request.param, checkpoints[request.param])


def test_it_is_known_without_its_model_whether_it_has_query_tokens(encoder: Encoder) -> None:
    assert encoder.has_tokens == (encoder.name in TOKEN_ENCODERS) == (encoder.Q > 1)


def test_shapes_and_types(encoder: Encoder) -> None:
    text = encoder.encode_text(["the woman in the red coat"])[0]
    features = encoder.fuse(encoder.vision(pictures(3)), text)
    assert features.shape == (3, encoder.D)
    assert features.dtype == np.float32
    assert text.embedding.shape == (encoder.D_text,)
    assert text.embedding.dtype == np.float32
    assert encoder.image_size == 32


def test_a_picture_gives_the_same_alone_and_in_a_batch(encoder: Encoder) -> None:
    text = encoder.encode_text(["the tall man"])[0]
    images = pictures(16)
    together = encoder.fuse(encoder.vision(images), text)
    alone = [encoder.fuse(encoder.vision(images[i : i + 1]), text)[0] for i in range(16)]
    np.testing.assert_allclose(together, np.stack(alone), atol=2e-6)


def test_a_reference_gives_the_same_alone_and_beside_longer_ones(encoder: Encoder) -> None:
    short, long = "the man", "the tall woman in the red coat"
    both = encoder.encode_text([short, long])
    np.testing.assert_array_equal(both[0].embedding, encoder.text_embedding(short))
    np.testing.assert_array_equal(both[1].embedding, encoder.text_embedding(long))
    assert not np.allclose(both[0].embedding, both[1].embedding)


@pytest.mark.parametrize(
    "reference",
    ["", ". . .", "[SEP]", "<|endoftext|>", "<eos>", "<image>", "女の人", "امرأة", "a " * 1000],
)
def test_any_reference_gives_finite_features(encoder: Encoder, reference: str) -> None:
    text = encoder.encode_text([reference])[0]
    assert text.token_ids.shape[1] <= encoder.max_text_tokens
    assert np.isfinite(encoder.fuse(encoder.vision(pictures(1)), text)).all()
    assert np.isfinite(text.embedding).all()


def test_dropped_words_are_counted_and_the_last_special_token_stays(encoder: Encoder) -> None:
    short, long = encoder.encode_text(["red " * 5, "red " * 100])
    assert short.dropped_tokens == 0
    assert long.dropped_tokens == len(encoder._token_ids("red " * 100)) - encoder.max_text_tokens
    assert long.token_ids[0, -1] == short.token_ids[0, -1]
    assert long.token_ids.shape == (1, encoder.max_text_tokens)


def test_words_like_special_tokens_are_words(encoder: Encoder) -> None:
    plain = encoder.encode_text(["man"])[0].token_ids[0]
    for special in {int(plain[0]), int(plain[-1])} & set(encoder._tokenizer.all_special_ids):
        token = encoder._tokenizer.convert_ids_to_tokens(special)
        ids = encoder.encode_text([f"man {token} man"])[0].token_ids[0]
        assert int((ids == special).sum()) == int((plain == special).sum())


@pytest.mark.parametrize(
    "images", [np.zeros((2, 8, 8, 3), np.float32), np.zeros((8, 8, 3), np.uint8)]
)
def test_wrong_pictures_are_refused(encoder: Encoder, images: np.ndarray) -> None:
    with pytest.raises(RhasError, match="uint8"):
        encoder.vision(images)


@pytest.mark.parametrize("size", [(32, 32), (48, 48), (90, 160)])
def test_pixels_are_those_of_the_image_processor_on_single_pil_pictures(
    encoder: Encoder, size: tuple[int, int]
) -> None:
    noise = pictures(3, 12, 16)
    smooth = [Image.fromarray(p).resize(size[::-1], Image.Resampling.BICUBIC) for p in noise]
    got = encoder.pixels(np.stack([np.asarray(p) for p in smooth])).numpy()
    settings = encoder._processor
    scaled = [p.resize((32, 32), Image.Resampling(settings.resample)) for p in smooth]
    for pixels, picture in zip(got, scaled, strict=True):
        values = np.asarray(picture, np.float64) / 255
        want = (values - settings.image_mean) / settings.image_std
        np.testing.assert_allclose(pixels, want.transpose(2, 0, 1), atol=2 / 255 / 0.26)
        assert np.abs(pixels - want.transpose(2, 0, 1)).mean() < 0.005


def test_pixels_of_square_pictures_are_those_of_the_processor_as_it_is(encoder: Encoder) -> None:
    images = pictures(4, 48, 48)
    want = encoder._processor([Image.fromarray(i) for i in images], return_tensors="pt")
    torch.testing.assert_close(encoder.pixels(images), want["pixel_values"], atol=1e-5, rtol=0)


def test_nothing_is_cropped_away(encoder: Encoder) -> None:
    images = np.zeros((1, 30, 120, 3), np.uint8)
    images[:, :, :20] = 255  # a stripe at the edge, which a centre crop would lose
    assert encoder.pixels(images)[0, :, 16, 0].min() > 0.9


def test_blip2_is_the_published_matching_path(checkpoints: dict[str, Path]) -> None:
    encoder = load_encoder("blip2", checkpoints["blip2"])
    model, images = encoder._model, pictures(4)
    text = encoder.encode_text(["the woman in the red coat"])[0]
    features = torch.from_numpy(encoder.fuse(encoder.vision(images), text))
    ids = text.token_ids.expand(4, -1)
    with torch.no_grad():
        logits = model(
            pixel_values=encoder.pixels(images),
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            use_image_text_matching_head=True,
        ).logits_per_image
        torch.testing.assert_close(model.itm_head(features), logits, atol=1e-5, rtol=1e-4)
        output = model(
            pixel_values=encoder.pixels(images), input_ids=ids, attention_mask=ids * 0 + 1
        )
        projected = torch.nn.functional.normalize(
            model.text_projection(torch.from_numpy(text.embedding)), dim=-1
        )
    torch.testing.assert_close(projected, output.text_embeds[0], atol=1e-5, rtol=1e-4)


def test_blip2_features_depend_on_the_reference(checkpoints: dict[str, Path]) -> None:
    encoder = load_encoder("blip2", checkpoints["blip2"])
    red, blue = encoder.encode_text(["the woman in red", "the man in blue"])
    tokens = encoder.vision(pictures(4))
    difference = np.abs(encoder.fuse(tokens, red) - encoder.fuse(tokens, blue)).max(axis=1)
    assert (difference > 1e-3).all()  # untrained: small, yet far above rounding


def test_clip_is_the_published_pair_of_embeddings(checkpoints: dict[str, Path]) -> None:
    encoder = load_encoder("clip", checkpoints["clip"])
    images = pictures(4)
    red, blue = encoder.encode_text(["the woman in red", "the man in blue"])
    tokens = encoder.vision(images)
    with torch.no_grad():
        output = encoder._model(pixel_values=encoder.pixels(images), input_ids=red.token_ids)
    features = encoder.fuse(tokens, red)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, output.image_embeds, atol=1e-5)
    text = red.embedding / np.linalg.norm(red.embedding)
    np.testing.assert_allclose(text, output.text_embeds[0], atol=1e-5)
    np.testing.assert_array_equal(features, encoder.fuse(tokens, blue))


def test_siglip2_is_the_published_pair_of_embeddings(checkpoints: dict[str, Path]) -> None:
    encoder = load_encoder("siglip2", checkpoints["siglip2"])
    images, reference = pictures(4), "The Woman in RED"
    text = encoder.encode_text([reference])[0]
    with torch.no_grad():
        inputs = encoder._tokenizer(  # as the model's own text processor of SigLIP 2 does, save
            reference.lower() + "<eos>", padding="max_length", max_length=64,  # for the side
            padding_side="right", return_tensors="pt",
        )  # fmt: skip
        output = encoder._model(pixel_values=encoder.pixels(images), input_ids=inputs["input_ids"])
    features = encoder.fuse(encoder.vision(images), text)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, output.image_embeds, atol=1e-5)
    embedding = text.embedding / np.linalg.norm(text.embedding)
    np.testing.assert_allclose(embedding, output.text_embeds[0], atol=1e-5)


def test_features_are_the_mean_of_the_query_tokens(encoder: Encoder) -> None:
    text = encoder.encode_text(["the tall man"])[0]
    seen = encoder.vision(pictures(3))
    tokens = encoder.query_tokens(seen, text)
    assert tokens.shape == (3, encoder.Q, encoder.D)
    queries = {"blip2": 5, "clip": 1, "siglip2": 1}
    assert queries[encoder.name] == encoder.Q
    np.testing.assert_allclose(tokens.mean(axis=1), encoder.fuse(seen, text), atol=1e-6)


@pytest.mark.parametrize("vlm", VLMS)
def test_half_precision_is_the_vision_tower_alone(checkpoints: dict[str, Path], vlm: str) -> None:
    images = pictures(8)
    full = load_encoder(vlm, checkpoints[vlm])
    half = load_encoder(vlm, checkpoints[vlm], dtype="bfloat16")
    (a, b), reference = (full, half), ["the woman in the red coat"]
    text = {e: e.encode_text(reference)[0] for e in (a, b)}
    np.testing.assert_array_equal(text[a].embedding, text[b].embedding)
    assert half.pixels(images).dtype == half.vision(images).dtype == torch.bfloat16
    want, got = (e.fuse(e.vision(images), text[e]) for e in (a, b))
    assert got.dtype == np.float32
    assert not np.array_equal(got, want)
    assert np.abs(got - want).max() < 0.03 * np.abs(want).max()


def test_compile_takes_the_tower_and_the_fusion(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []

    def fake(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            compiled.append(function.__name__)
            return function(*arguments)

        return call

    plain = load_encoder("blip2", checkpoints["blip2"])
    monkeypatch.setattr(torch, "compile", fake)
    encoder = load_encoder("blip2", checkpoints["blip2"], compile=True)
    text = encoder.encode_text(["the man"])[0]
    got = encoder.fuse(encoder.vision(pictures(2)), text)
    assert compiled == ["_vision", "_fused"]
    np.testing.assert_array_equal(got, plain.fuse(plain.vision(pictures(2)), text))
