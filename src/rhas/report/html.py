"""HTML put together from parts: every text is escaped, unless it is `Markup` already."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Sequence


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


EMPTY = Markup("")
_VOID = frozenset({"img", "meta", "br", "col", "link"})


def escape(text: str) -> Markup:
    """A text as HTML; `Markup` stays as it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(text, quote=True))


def join(parts: Iterable[str]) -> Markup:
    """Parts one after another."""
    return Markup("".join(escape(part) for part in parts))


def tag(name: str, /, *children: str, **attributes: str | float | bool | None) -> Markup:
    """An element.

    Args:
        name: of the element.
        children: its content, escaped.
        attributes: ``class_`` is class, other underscores are hyphens; False and None leave one
            out, True writes the bare name.
    """
    given = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        given.append(f" {key}" if value is True else f' {key}="{html.escape(str(value))}"')
    opening = f"<{name}{''.join(given)}>"
    return Markup(opening) if name in _VOID else Markup(f"{opening}{join(children)}</{name}>")


def table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    sortable: bool = False,
    texts: Collection[int] = (0,),
) -> Markup:
    """A table that scrolls within itself where it is wider than the page.

    Args:
        caption: what it shows; its name for a screen reader, too.
        header: names of the columns.
        rows: cells; the first one names the row.
        sortable: the names of the columns are buttons that sort.
        texts: columns of text; all others are of numbers, aligned to the right.
    """
    heads = []
    for column, name in enumerate(header):
        shown = tag("button", name, type="button") if sortable and name else escape(name)
        number = None if column in texts else "number"
        heads.append(tag("th", shown, scope="col", class_=number))
    body = []
    for first, *others in rows:
        cells = [tag("th", first, scope="row")]
        for column, cell in enumerate(others, start=1):
            cells.append(tag("td", cell, class_=None if column in texts else "number"))
        body.append(tag("tr", *cells))
    return captioned(
        caption,
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
        class_="sortable" if sortable else None,
    )


def captioned(caption: str, head: str, body: str, class_: str | None = None) -> Markup:
    """A table from its parts; the caption stands above, so that it does not scroll away."""
    made = tag("table", head, body, aria_label=caption, class_=class_)
    return join((tag("p", caption, class_="caption"), scroller(caption, made)))


def scroller(name: str, content: str) -> Markup:
    """Content that scrolls sideways within itself, by keyboard, too."""
    return tag("div", content, class_="scroller", role="region", aria_label=name, tabindex=0)


def bdi(text: str) -> Markup:
    """A user's text, which may run from right to left, kept apart from what is around it."""
    return tag("bdi", text)
