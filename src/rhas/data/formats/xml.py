"""XML of labelling tools, read safely: no document types, hence no entities; bounded in size and
depth."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from rhas.base.errors import RhasError
from rhas.base.files import check_regular_file, check_text_size

_MAX_DEPTH = 40
_CHUNK = 1 << 16  # characters
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DOCTYPE = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def read_xml(path: Path, root: str) -> ET.Element:
    """The root element of a file in UTF-8.

    Args:
        path: the file.
        root: name that the root element must have.

    Raises:
        RhasError: no such file, too large, not UTF-8, not XML, a document type or an entity,
            elements nested deeper than such files are, another root.
    """
    check_regular_file(path)
    check_text_size(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RhasError("the file is not UTF-8", where=str(path), got=str(error)[:200]) from error
    if _DOCTYPE.search(text):
        raise RhasError(
            "XML with a document type or entities is not read",
            where=str(path),
            do="export the file again from the labelling tool; its own files have none",
        )
    try:
        found = _parse_xml(text, path)
    except (ET.ParseError, ValueError) as error:
        raise RhasError("not XML", where=str(path), got=str(error)[:200]) from error
    if found is None or found.tag != root:
        got = "nothing" if found is None else f"<{found.tag[:80]}>"
        raise RhasError("another kind of XML", where=str(path), expected=f"<{root}>", got=got)
    return found


def _parse_xml(text: str, path: Path) -> ET.Element | None:
    """The root element; the depth is looked at while the text is read."""
    builder = _Builder(str(path))
    parser = ET.XMLParser(target=builder)
    for begin in range(0, len(text), _CHUNK):
        parser.feed(text[begin : begin + _CHUNK])
    return parser.close()


class _Builder(ET.TreeBuilder):
    """Builds the tree, and refuses one that is nested too deeply."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where, self._depth = where, 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        """An element begins."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RhasError(
                "elements are nested too deeply",
                where=self._where,
                expected=f"at most {_MAX_DEPTH} levels",
            )
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        """An element ends."""
        self._depth -= 1
        return super().end(tag)


def read_text(element: ET.Element, path: str) -> str:
    """The text of a descendant, "" where it is absent."""
    return (element.findtext(path) or "").strip()


def write_xml(root: ET.Element, path: Path) -> None:
    """Writes indented XML in UTF-8.

    Raises:
        RhasError: a text that XML cannot hold.
    """
    for element in root.iter():
        for text in (element.text, *element.attrib.values()):
            if text and _FORBIDDEN.search(text):
                raise RhasError("a control character in a text", where=str(path), got=repr(text))
    ET.indent(root, " ")
    ET.ElementTree(root).write(path, "utf-8", xml_declaration=True)
