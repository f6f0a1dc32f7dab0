"""Sentences that describe persons: which are refused."""

from __future__ import annotations

import os

import pytest

from rhas.base.errors import RhasError
from rhas.base.sentences import check_references, check_sentence

NO_UTF8 = os.fsdecode(b"the woman \xff red")
"""What the command line gives for bytes that are no UTF-8."""


@pytest.mark.parametrize("text", [NO_UTF8, "the\0man", "the\nman", "the\tman", "the\x7fman"])
def test_what_no_tokenizer_takes_is_refused(text: str) -> None:
    with pytest.raises(RhasError, match="line 3: a reference with a control character") as raised:
        check_sentence(text, "line 3")
    str(raised.value).encode()  # can be printed
    with pytest.raises(RhasError, match="--ref, person 1: a reference with a control character"):
        check_references(["the man", text])


@pytest.mark.parametrize(
    ("references", "message"),
    [((), "no reference"), (("a", " . "), "person 1: a reference without words"),
     (("a", "b", "a"), "twice")],
)  # fmt: skip
def test_references_that_name_nobody_or_one_person_twice(
    references: tuple[str, ...], message: str
) -> None:
    with pytest.raises(RhasError, match=message):
        check_references(references)


def test_sentences_of_any_script() -> None:
    check_references(["die Frau im Mäntel", "穿红衣服的女人", "👩‍🦰 the woman", "الرجل"])
