from __future__ import annotations

from pathlib import Path

import pytest
import toy_models as models
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from rhas.base.errors import RhasError
from rhas.config.ground import Prompting
from rhas.ground.prompts import Prompt, Prompts, make_prompts, normalise_reference

TOKENIZER = models.tokenizer()
SEPARATORS = {101, 102, 1012, 1029}


def phrase_ids(prompt: Prompt, tokenizer: BertTokenizerFast = TOKENIZER) -> list[list[int]]:
    ids = tokenizer(prompt.text)["input_ids"]
    return [ids[start:stop] for start, stop in prompt.spans]


def test_two_references_in_one_prompt() -> None:
    made = make_prompts(["The man in red.", "a Tall  woman"], TOKENIZER, 64)
    prompt = Prompt("the man in red . a tall woman .", (0, 1), ((1, 5), (6, 9)))
    assert made == Prompts([prompt], {}, {}, {})


def test_separate_references_have_a_prompt_each() -> None:
    made = make_prompts(["The man in red.", "a Tall  woman"], TOKENIZER, 64, "separate")
    assert made.prompts == [
        Prompt("the man in red .", (0,), ((1, 5),)),
        Prompt("a tall woman .", (1,), ((1, 4),)),
    ]


@pytest.mark.parametrize("prompting", ["packed", "separate"])
def test_the_same_reference_twice_is_one_phrase(prompting: Prompting) -> None:
    made = make_prompts(["a man", "child", " A  man."], TOKENIZER, 64, prompting)
    assert made.same == {2: 0}
    if prompting == "packed":
        assert made.prompts == [Prompt("a man . child .", (0, 2, 1), ((1, 3), (1, 3), (4, 5)))]
    else:
        assert [p.text for p in made.prompts] == ["a man .", "child ."]
        assert [p.references for p in made.prompts] == [(0, 2), (1,)]


def test_words_that_the_vocabulary_lacks_are_told() -> None:
    made = make_prompts(["a man", "the zebra man with a zebra, red", "東京 man"], TOKENIZER, 64)
    assert made.unknown == {1: ["zebra"], 2: ["東", "京"]}
    assert made.prompts[0].references == (0, 1, 2)


@pytest.mark.parametrize("nothing", ["мужчина", "東京", "zebra, zebra", "\ufffd"])
def test_a_reference_without_a_known_word_is_an_error(nothing: str) -> None:
    with pytest.raises(RhasError, match=r"(?s)person 1: .*(no word|without words).*"):
        make_prompts(["a man", nothing], TOKENIZER, 64)


def test_over_the_limit_the_references_go_on_in_another_prompt() -> None:
    references = ["a man in red", "woman", "child in a blue coat"]
    # [CLS] a man in red . woman . [SEP] are 9
    for limit, groups in ((9, [(0, 1), (2,)]), (8, [(0,), (1,), (2,)]), (15, [(0, 1, 2)])):
        made = make_prompts(references, TOKENIZER, limit)
        assert [p.references for p in made.prompts] == groups
        assert made.cut == {}


def test_a_reference_over_the_limit_is_cut_after_a_token_and_told() -> None:
    made = make_prompts(["woman", "a man with a bag", "child"], TOKENIZER, 6)
    assert made.cut == {1: "a man with"}
    assert [p.text for p in made.prompts] == ["woman .", "a man with .", "child ."]
    assert phrase_ids(made.prompts[1]) == [TOKENIZER.convert_tokens_to_ids(["a", "man", "with"])]


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
    assert normalise_reference(written) == read


@pytest.mark.parametrize("empty", ["", "  ", ". . ?", "\n", "[]", "!!! --"])
def test_a_reference_without_words_names_the_person(empty: str) -> None:
    with pytest.raises(RhasError, match=r"(?s)person 1: .*cannot be grounded.*references\.csv"):
        make_prompts(["a man", empty], TOKENIZER, 64)


def check_packing(references: list[str], tokenizer: BertTokenizerFast, limit: int) -> None:
    made = make_prompts(references, tokenizer, limit)
    assert sorted(n for p in made.prompts for n in p.references) == list(range(len(references)))
    for prompt in made.prompts:
        ids = tokenizer(prompt.text)["input_ids"]
        assert len(ids) <= limit
        for number, own in zip(prompt.references, phrase_ids(prompt, tokenizer), strict=True):
            alone = made.cut.get(number, normalise_reference(references[number]))
            assert own == tokenizer(alone, add_special_tokens=False)["input_ids"]
            assert own
            assert not SEPARATORS & set(own)
        covered = {k for start, stop in prompt.spans for k in range(start, stop)}
        assert all(ids[k] in SEPARATORS for k in range(len(ids)) if k not in covered)


REFERENCE = st.one_of(
    st.lists(st.sampled_from([*models.WORDS, "men", "reds", "?", "."]), max_size=12).map(" ".join),
    st.text(max_size=30),
).map(lambda text: "man " + text)


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
        "man 東京 🙂",
    ]
    for limit in (16, 40, 256):
        check_packing(references, tokenizer, limit)
