"""Several references in one prompt, and the tokens that belong to each.

GroundingDINO reads "a . b . c ." and keeps the phrases apart with sub-sentence masks: a token sees
only those between the same two separators (Liu et al. 2023, "Grounding DINO", section 3.4). The
separators are the tokens ``[CLS]``, ``[SEP]``, ``.`` and ``?``, so no phrase may hold one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from rhas.base.errors import RhasError

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


def normalise(reference: str, where: str = "references") -> str:
    """Lower case, single spaces, without the characters that end a phrase: ``. ? [ ]``.

    Control characters go too. "The man, 1.80 m tall?" becomes "the man, 1 80 m tall".

    Raises:
        RhasError: nothing is left.
    """
    plain = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in reference.lower())
    text = " ".join(_FORBIDDEN.sub(" ", plain).split())
    if not text:
        raise RhasError(
            "a reference without words cannot be grounded",
            where=where,
            expected='a description such as "the woman in the red coat"',
            got=repr(reference[:80]),
            do="describe the person in references.csv, or take the line out",
        )
    return text


def pack(
    references: Sequence[str], tokenizer: PreTrainedTokenizerBase, limit: int
) -> tuple[list[Prompt], dict[int, str]]:
    """Prompts that hold all references in their order, each prompt within the token limit.

    Args:
        references: as the user wrote them; equal ones stay separate phrases.
        tokenizer: the model's own, a fast one (character offsets are needed).
        limit: the most tokens of a prompt, ``[CLS]`` and ``[SEP]`` included.

    Returns:
        The prompts, and by index the part that was kept of each reference too long for a prompt of
        its own (cut after a token).

    Raises:
        RhasError: a reference without words, or one of which the tokenizer makes no token.
    """
    kept: list[str] = []
    cut: dict[int, str] = {}
    sizes: list[int] = []
    for number, reference in enumerate(references):
        text = normalise(reference, f"person {number}")
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        offsets = encoded["offset_mapping"]
        if not offsets:
            raise RhasError(
                "the tokenizer makes no token of a reference",
                where=f"person {number}",
                got=repr(text[:80]),
                do="describe the person in words",
            )
        if len(offsets) > limit - 3:  # [CLS] phrase . [SEP]
            offsets = offsets[: limit - 3]
            text = text[: offsets[-1][1]]
            cut[number] = text
        kept.append(text)
        sizes.append(len(offsets))
    prompts: list[Prompt] = []
    group: list[int] = []
    used = 2
    for number, size in enumerate(sizes):
        if group and used + size + 1 > limit:
            prompts.append(_prompt(group, kept, tokenizer))
            group, used = [], 2
        group.append(number)
        used += size + 1
    if group:
        prompts.append(_prompt(group, kept, tokenizer))
    return prompts, cut


def _prompt(group: list[int], texts: list[str], tokenizer: PreTrainedTokenizerBase) -> Prompt:
    # The closing separator matters: a phrase that ends at [SEP] would not see its own words.
    text = SEPARATOR.join(texts[n] for n in group) + SEPARATOR.rstrip()
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    spans = []
    start = 0
    for number in group:
        stop = start + len(texts[number])
        inside = [k for k, (a, b) in enumerate(offsets) if a < b and start <= a and b <= stop]
        spans.append((inside[0], inside[-1] + 1))
        start = stop + len(SEPARATOR)
    return Prompt(text, tuple(group), tuple(spans))
