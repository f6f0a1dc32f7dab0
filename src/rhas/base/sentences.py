"""Sentences that describe persons, checked before anything large is loaded."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rhas.base.errors import RhasError


def check_references(references: Sequence[str]) -> None:
    """Checks the sentences of a command, one per person.

    Raises:
        RhasError: none, one without words, one twice, or one that `check_sentence` refuses.
    """
    if not references:
        raise RhasError("no reference", do='name a person: --ref "the woman in the red coat"')
    for number, reference in enumerate(references):
        where = f"--ref, person {number}"
        check_sentence(reference, where)
        if not any(letter.isalnum() for letter in reference):
            raise RhasError(
                "a reference without words",
                where=where,
                expected='a description such as "the woman in the red coat"',
                got=repr(reference),
            )
    twice = {r for r in references if references.count(r) > 1}
    if twice:
        raise RhasError("a reference is given twice", where="--ref", got=repr(min(twice)))


def check_sentence(text: str, where: str) -> None:
    """Raises RhasError where a sentence has control characters, or bytes that are no UTF-8, which
    no tokenizer and no file takes; ``where`` is of the sentence."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise RhasError(
            "a reference with a control character, or not in UTF-8", where=where,
            expected="a sentence on one line", got=repr(text), do="write it without the character",
        )  # fmt: skip
