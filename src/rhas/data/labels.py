"""Foreign action names and numbers as classes of the data set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rhas.base.classes import RHAS133, ClassList
from rhas.base.errors import RhasError
from rhas.base.names import suggest_name
from rhas.data.audit import Audit
from rhas.data.foreign_tables import tidy_number
from rhas.data.tables import parse_digits, parse_whole, read_rows, read_text
from rhas.stores.classes import tidy_class

_TEXT = r'"((?:[^"\\]|\\.)*)"'  # as in protobuf's text format
_BLOCK = re.compile(rf'\{{((?:[^{{}}"]|{_TEXT})*)\}}')
_NAME, _NUMBER = re.compile(rf"\bname:\s*{_TEXT}"), re.compile(r"\b(?:label_)?id:\s*(\d+)")


@dataclass(frozen=True)
class LabelMap:
    """How actions are read.

    Args:
        renamed: class by foreign name or number; "" leaves it out.
        names: foreign name by number (a label list); without it numbers are those of ``classes``.
        base: the number of the first class, 0 or 1; None where there are no numbers.
        classes: what actions can be.
    """

    renamed: Mapping[str, str]
    names: Mapping[int, str]
    base: int | None = None
    classes: ClassList = RHAS133

    def find_class(self, action: str) -> str | None:
        """The class, "" where the map leaves it out, None where it is unknown."""
        if action in self.renamed:
            return self.renamed[action]
        if tidy_class(action) in self.classes.ids:
            return tidy_class(action)
        number = parse_digits(action)
        if number is None:
            return None
        if self.names:
            name = self.names.get(number)
            if name is None:
                return None
            return self.renamed.get(name, name if name in self.classes.ids else None)
        index = number - (self.base or 0)
        return self.classes.names[index] if 0 <= index < len(self.classes) else None

    def foreign_name(self, action: str) -> str:
        """The name of an action that is given by number; names stay."""
        number = parse_digits(action)
        return action if number is None else self.names.get(number, action)

    def is_mapped(self, action: str) -> bool:
        """Whether the label map, not the list of classes, says the class."""
        return action in self.renamed or self.foreign_name(action) in self.renamed

    def describe_unknown(self, action: str, audit: Audit) -> str:
        """An unknown action with the class that may have been meant."""
        name = self.foreign_name(action)
        shown = repr(action) if name == action else f"{action} = {name!r}"
        hint = audit.suggest("class", name.lower(), self.classes.names)
        return f"{shown}, {hint}" if hint else shown


def read_label_map(
    path: Path | None, labels: Path | None, classes: ClassList = RHAS133
) -> LabelMap:
    """Reads how actions are renamed and what their numbers mean.

    Args:
        path: a table ``from,to``; ``to`` is one of ``classes``, or empty to leave the action out.
        labels: a label list that gives numbers their names: AVA's .pbtxt, or a table ``id,name``.
        classes: what actions can be.

    Raises:
        RhasError: a malformed table, an unknown class in ``to``, or a name twice in ``from``.
    """
    renamed: dict[str, str] = {}
    for line, row in read_rows(path, ("from", "to")) if path is not None else ():
        source, target = tidy_number(row["from"].strip()), tidy_class(row["to"])
        if target and target not in classes.ids:
            raise RhasError(
                "not a class of RHAS133" if classes.published else "not a class of the list",
                where=f"{path}:{line}",
                got=target,
                expected=f"a name of {classes.file}, or nothing",
                do=suggest_name(target, classes.names) or "choose one of them, or leave it empty",
            )
        if renamed.setdefault(source, target) != target:
            raise RhasError("an action twice", where=f"{path}:{line}", got=source)
    return LabelMap(renamed, {} if labels is None else _read_names(labels), None, classes)


def _read_names(path: Path) -> dict[int, str]:
    labels = _list_labels(read_text(path)) if path.suffix == ".pbtxt" else _list_rows(path)
    found: dict[int, str] = {}
    for line, number, name in labels:
        if found.setdefault(number, name) != name:
            raise RhasError("an id twice", where=f"{path}:{line}", got=f"{number}, {name}",
                            expected=f"{found[number]}, as on the lines before",
                            do="keep one of them")  # fmt: skip
    if not found:
        raise RhasError(
            "no label in the list",
            where=str(path),
            expected='AVA\'s .pbtxt (name: "...", label_id: 1), or a table id,name',
        )
    return found


def _list_rows(path: Path) -> Iterator[tuple[int, int, str]]:
    """Line, number and name of each label of a table."""
    for line, row in read_rows(path, ("id", "name")):
        number = parse_whole(row["id"])
        if number is None:
            raise RhasError("an id is a number", where=f"{path}:{line}", got=repr(row["id"]))
        yield line, number, row["name"].strip()


def _list_labels(text: str) -> Iterator[tuple[int, int, str]]:
    """Line, number and name of each label of a .pbtxt."""
    line, counted = 1, 0
    for block in _BLOCK.finditer(text):
        line, counted = line + text.count("\n", counted, block.start()), block.start()
        name, digits = _NAME.search(block[1]), _NUMBER.search(block[1])
        if name and digits and (number := parse_digits(digits[1])) is not None:
            yield line, number, re.sub(r"\\(.)", r"\1", name[1])


def find_id_base(
    numbers: Iterable[int], given: int | None, where: str, classes: ClassList = RHAS133
) -> int:
    """The number of the first class: as given, or as the numbers that occur show.

    Raises:
        RhasError: numbers that do not fit what was given, that fit neither 0 nor 1, or both.
    """
    seen, count = sorted(set(numbers)), len(classes)
    low, high = seen[0], seen[-1]
    fitting = [base for base in (0, 1) if base <= low and high < count + base]
    if given is not None and given in fitting:
        return given
    if given is None and len(fitting) == 1:
        return fitting[0]
    if given is None and fitting:
        raise RhasError(
            f"class numbers from {low} to {high} fit a list that begins with 0 and one with 1",
            where=where,
            do="say which: --id-base 1 for numbers of the published list "
            f"(1 {classes.names[0]}, {count} {classes.names[-1]}), --id-base 0 for columns of the "
            "published code; numbers of another list, AVA's for one, need that list: --labels",
        )
    raise class_range_error(
        where,
        f"{low} to {high}" + ("" if given is None else f" with --id-base {given}"),
        "give --labels for numbers of another list, --label-map to rename them",
        classes,
    )


def class_range_error(where: str, got: str, do: str, classes: ClassList = RHAS133) -> RhasError:
    """The error of class numbers that fit neither id base."""
    last = len(classes)
    return RhasError(
        f"class numbers outside the list of {'RHAS133' if classes.published else classes.file}",
        where=where,
        expected=f"0 to {last - 1} with --id-base 0, 1 to {last} with --id-base 1",
        got=got,
        do=do,
    )
