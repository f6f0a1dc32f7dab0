from __future__ import annotations

from pathlib import Path

import pytest
import toy_models as models
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from rhas.base.errors import RhasError
from rhas.ground.prompts import Prompt, normalise, pack

TOKENIZER = models.tokenizer()
SEPARATORS = {101, 102, 1012, 1029}


def phrase_ids(prompt: Prompt, tokenizer: BertTokenizerFast = TOKENIZER) -> list[list[int]]:
    ids = tokenizer(prompt.text)["input_ids"]
    return [ids[start:stop] for start, stop in prompt.spans]


def test_two_references_in_one_prompt() -> None:
    prompts, cut = pack(["The man in red.", "a Tall  woman"], TOKENIZER, 64)
    assert prompts == [Prompt("the man in red . a tall woman .", (0, 1), ((1, 5), (6, 9)))]
    assert cut == {}


def test_over_the_limit_the_references_go_on_in_another_prompt() -> None:
    references = ["a man in red", "woman", "child in a blue coat"]
    prompts, cut = pack(references, TOKENIZER, 9)  # [CLS] a man in red . woman . [SEP]
    assert [p.references for p in prompts] == [(0, 1), (2,)]
    assert cut == {}
    assert [p.references for p in pack(references, TOKENIZER, 8)[0]] == [(0,), (1,), (2,)]
    assert [p.references for p in pack(references, TOKENIZER, 15)[0]] == [(0, 1, 2)]


def test_a_reference_over_the_limit_is_cut_after_a_token_and_told() -> None:
    prompts, cut = pack(["woman", "a man with a bag", "child"], TOKENIZER, 6)
    assert cut == {1: "a man with"}
    assert [p.text for p in prompts] == ["woman .", "a man with .", "child ."]
    assert phrase_ids(prompts[1]) == [TOKENIZER.convert_tokens_to_ids(["a", "man", "with"])]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("The man, 1.80 m tall?", "the man, 1 80 m tall"),
        ("  a\tman\nin   red ", "a man in red"),
        ("the [SEP] man [PAD]", "the sep man pad"),
        ("a. b. c.", "a b c"),
        ("a\x00man", "a man"),
    ],
)
def test_normalise(written: str, read: str) -> None:
    assert normalise(written) == read


@pytest.mark.parametrize("empty", ["", "  ", ". . ?", "\n", "[]"])
def test_a_reference_without_words_names_the_person(empty: str) -> None:
    with pytest.raises(RhasError, match=r"(?s)person 1: .*cannot be grounded.*references\.csv"):
        pack(["a man", empty], TOKENIZER, 64)


def test_a_reference_of_which_nothing_is_left_by_the_tokenizer() -> None:
    with pytest.raises(RhasError, match="makes no token"):
        pack(["\ufffd"], TOKENIZER, 64)


def check_packing(references: list[str], tokenizer: BertTokenizerFast, limit: int) -> None:
    prompts, cut = pack(references, tokenizer, limit)
    assert [n for p in prompts for n in p.references] == list(range(len(references)))
    for prompt in prompts:
        ids = tokenizer(prompt.text)["input_ids"]
        assert len(ids) <= limit
        for number, own in zip(prompt.references, phrase_ids(prompt, tokenizer), strict=True):
            alone = cut.get(number, normalise(references[number]))
            assert own == tokenizer(alone, add_special_tokens=False)["input_ids"]
            assert own
            assert not SEPARATORS & set(own)
        covered = {k for start, stop in prompt.spans for k in range(start, stop)}
        assert all(ids[k] in SEPARATORS for k in range(len(ids)) if k not in covered)


REFERENCE = st.one_of(
    st.lists(st.sampled_from([*models.WORDS, "men", "reds", "?", "."]), max_size=12).map(" ".join),
    st.text(max_size=30),
).map(lambda text: text + " man")


@settings(max_examples=50, deadline=None)
@given(st.lists(REFERENCE, min_size=1, max_size=6), st.integers(4, 40))
def test_every_reference_is_whole_and_alone_between_separators(
    references: list[str], limit: int
) -> None:
    check_packing(references, TOKENIZER, limit)


def test_the_same_with_berts_own_vocabulary(shared: Path) -> None:
    path = shared / "tokenizers" / "bert-base-uncased-vocab.txt"
    if not path.is_file():
        pytest.skip("no vocabulary of BERT beside the checkout")
    words = path.read_text("utf-8").splitlines()
    tokenizer = BertTokenizerFast(vocab={w: n for n, w in enumerate(words)}, do_lower_case=True)
    references = [
        "The woman in the red coat, left of the bench.",
        "Mr. Keller (the 1.80 m tall man?) — café owner",
        "the über-tall skateboarder wearing a turquoise anorak " * 5,
        "東京 man 🙂",
    ]
    for limit in (16, 40, 256):
        check_packing(references, tokenizer, limit)
