"""The tokenizers of the small checkpoints keep known words whole and lose no letter of others."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from transformers import BertTokenizer, CLIPTokenizer

from rhas.extract.small import Sizes, bpe_vocab, make_blip2, make_clip, wordpiece_vocab

WORDS = ["the", "woman", "women", "red", "coat", "on", "one"]
BERT = BertTokenizer(vocab=wordpiece_vocab(WORDS))
CLIP = CLIPTokenizer(**dict(zip(("vocab", "merges"), bpe_vocab(WORDS), strict=True)))


def test_known_words_are_one_token() -> None:
    assert BERT.tokenize("The WOMAN on one coat") == ["the", "woman", "on", "one", "coat"]
    tokens = CLIP.tokenize("The WOMAN on one women coat")
    assert tokens == ["the</w>", "woman</w>", "on</w>", "one</w>", "women</w>", "coat</w>"]


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789.,!", max_size=30))
def test_no_letter_is_lost(text: str) -> None:
    assert "".join(t.removeprefix("##") for t in BERT.tokenize(text)) == text
    assert "".join(t.removesuffix("</w>") for t in CLIP.tokenize(text)) == text


@given(st.text(max_size=30))
def test_clip_tokenises_any_text(text: str) -> None:
    """Bytes cover everything, so the unknown token, which is also the end, never occurs."""
    ids = CLIP(text, split_special_tokens=True)["input_ids"]
    assert ids.count(CLIP.eos_token_id) == 1


def test_feed_forward_widths_are_those_asked_for(tmp_path: Path) -> None:
    sizes = Sizes(
        image=16, vision=16, vision_layers=1, vision_heads=2, text=24, text_layers=1,
        text_heads=2, queries=2, out=8, mlp=2, text_mlp=1,
    )  # fmt: skip
    make_blip2(tmp_path / "blip2", WORDS, sizes)
    config = json.loads((tmp_path / "blip2" / "config.json").read_text())
    assert config["vision_config"]["intermediate_size"] == 32
    assert config["qformer_config"]["intermediate_size"] == 24
    make_clip(tmp_path / "clip", WORDS, sizes)
    config = json.loads((tmp_path / "clip" / "config.json").read_text())
    assert config["vision_config"]["intermediate_size"] == 32
    assert config["text_config"]["intermediate_size"] == 24
