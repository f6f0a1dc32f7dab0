"""JSON of others: what Python reads and no file, table or number of this project can hold is an
error where it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.data.tables import MAX_DIGITS, read_text


def read_foreign_json(path: Path) -> Any:
    """The content of a file in UTF-8. Whole numbers of more than `MAX_DIGITS` digits are floats.

    Raises:
        RhasError: not a regular file, not UTF-8, not JSON, nested without end, or a text with half
            of a character.
    """
    text = read_text(path)
    try:
        values = json.loads(text, parse_int=_parse_int)
        if "\\ud" in text.lower():  # halves of characters are written so, and whole ones
            json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise RhasError("not JSON", where=str(path), got=str(error)[:200]) from error
    return values


def _parse_int(text: str) -> int | float:
    return int(text) if len(text) <= MAX_DIGITS else float(text)
