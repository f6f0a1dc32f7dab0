"""Several references in one prompt, and the tokens that belong to each.

GroundingDINO reads "a . b . c ." and keeps the phrases apart with sub-sentence masks: a token sees
only those between the same two separators (Liu et al. 2023, "Grounding DINO", section 3.4). The
separators are the tokens ``[CLS]``, ``[SEP]``, ``.`` and ``?``, so no phrase may hold one.

What becomes of a reference that is not a plain description:

- nothing but ``. ? [ ]``, other punctuation and spaces: an error that names the person;
- ``a. b`` or ``the [SEP] man?``: read as ``a b`` and ``the sep man``, it cannot end its phrase;
- longer than the token limit: cut after a token, the report has what was kept;
- some words not in the vocabulary: grounded by the others, the report lists those;
- no word in the vocabulary (a foreign script): an error that names the person, since ``[UNK]``
  alone says nothing, and the model would give anybody's boxes for it;
- the same words twice: one phrase, the same candidates for both, the report says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from rhas.base.errors import RhasError
from rhas.config.ground import Prompting

SEPARATOR = " . "
_FORBIDDEN = re.compile(r"[.?\[\]]")  # brackets would let "[SEP]" through as the separator token


@dataclass(frozen=True)
class Prompt:
    """One text for the model.

    ``spans[i]`` is the half-open range of token positions of the reference ``references[i]`` (an
    index into the film's list); position 0 is ``[CLS]``.
    """

    text: str
    references: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Prompts:
    """A film's prompts, and what became of its references; persons are indices of references."""

    prompts: list[Prompt]
    cut: dict[int, str]
    """What was kept of each reference too long for a prompt of its own (cut after a token)."""
    unknown: dict[int, list[str]]
    """Words that the tokenizer does not know: the model reads each as ``[UNK]``."""
    same: dict[int, int]
    """The first person with the same words, for each person after it."""


def normalise_reference(reference: str, where: str = "references") -> str:
    """Lower case, single spaces, without the characters that end a phrase: ``. ? [ ]``.

    Control characters go too. "The man, 1.80 m tall?" becomes "the man, 1 80 m tall".

    Raises:
        RhasError: no letter and no digit is left.
    """
    plain = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in reference.lower())
    text = " ".join(_FORBIDDEN.sub(" ", plain).split())
    if not any(c.isalnum() for c in text):
        raise RhasError(
            "a reference without words cannot be grounded",
            where=where,
            expected='a description such as "the woman in the red coat"',
            got=repr(reference[:80]),
            do="describe the person in references.csv, or take the line out",
        )
    return text


def make_prompts(
    references: Sequence[str],
    tokenizer: PreTrainedTokenizerBase,
    limit: int,
    prompting: Prompting = "packed",
) -> Prompts:
    """Prompts that hold all references, each prompt within the token limit.

    Args:
        references: as the user wrote them.
        tokenizer: the model's own, a fast one (character offsets are needed).
        limit: the most tokens of a prompt, ``[CLS]`` and ``[SEP]`` included.
        prompting: ``packed``, as many phrases in a prompt as fit, in their order; ``separate``, one
            phrase in each.

    Raises:
        RhasError: a reference without words, or without a word that the tokenizer knows.
    """
    cut: dict[int, str] = {}
    unknown: dict[int, list[str]] = {}
    persons: dict[str, list[int]] = {}  # by phrase
    sizes: dict[str, int] = {}
    for person, reference in enumerate(references):
        text = normalise_reference(reference, f"person {person}")
        encoded = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        offsets, ids = encoded["offset_mapping"], encoded["input_ids"]
        if len(ids) > limit - 3:  # [CLS] phrase . [SEP]
            offsets, ids = offsets[: limit - 3], ids[: limit - 3]
            text = text[: offsets[-1][1]]
            cut[person] = text
        words: dict[bool, list[str]] = {True: [], False: []}  # by whether they are known
        for (start, stop), token in zip(offsets, ids, strict=True):
            words[token != tokenizer.unk_token_id].append(text[start:stop])
        if not any(c.isalnum() for word in words[True] for c in word):
            raise RhasError(
                "the checkpoint's vocabulary has no word of a reference",
                where=f"person {person}",
                expected="a description in words that it knows (published ones know English)",
                got=repr(text[:80]),
                do="translate the reference, or take another checkpoint",
            )
        if words[False]:
            unknown[person] = list(dict.fromkeys(words[False]))
        persons.setdefault(text, []).append(person)
        sizes[text] = len(ids)
    groups: list[list[str]] = []
    used = limit
    for text, size in sizes.items():
        if prompting == "separate" or used + size + 1 > limit:
            groups.append([])
            used = 2
        groups[-1].append(text)
        used += size + 1
    return Prompts(
        prompts=[_make_prompt(group, persons, tokenizer) for group in groups],
        cut=cut,
        unknown=unknown,
        same={p: alike[0] for alike in persons.values() for p in alike[1:]},
    )


def _make_prompt(
    phrases: list[str], persons: dict[str, list[int]], tokenizer: PreTrainedTokenizerBase
) -> Prompt:
    # The closing separator matters: a phrase that ends at [SEP] would not see its own words.
    text = SEPARATOR.join(phrases) + SEPARATOR.rstrip()
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    spans: dict[int, tuple[int, int]] = {}
    start = 0
    for phrase in phrases:
        stop = start + len(phrase)
        inside = [k for k, (a, b) in enumerate(offsets) if a < b and start <= a and b <= stop]
        spans |= dict.fromkeys(persons[phrase], (inside[0], inside[-1] + 1))
        start = stop + len(SEPARATOR)
    return Prompt(text, tuple(spans), tuple(spans.values()))
