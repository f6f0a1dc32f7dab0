"""The Jinja2 templates of the pages: every text is escaped, an unknown name is an error."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rhas.base.formatting import escape_controls, format_duration

NOTHING = "–"


def render(template: str, **values: object) -> str:
    """A page of ``rhas/report/templates``; equal values give equal text."""
    return _environment().get_template(template).render(**values) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rhas.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_escape_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "ensure_ascii": False, "separators": (",", ":")
    }  # fmt: skip
    environment.globals["asset"] = _read_asset
    environment.filters.update(
        number=format_number,
        percent=_format_percent,
        thousands=lambda value: f"{value:,}",
        duration=format_duration,
        words=lambda name: name.replace("_", " "),
    )
    return environment


def _escape_text(value: object) -> object:
    """A text without marks that would turn the direction of what follows it on the page."""
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return escape_controls(str(value)) if plain else value


def format_number(value: float | None) -> str:
    """One decimal; a whole number as it is; a dash where there is none."""
    if value is None or math.isnan(value):
        return NOTHING
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def _format_percent(share: float) -> str:
    """A length in CSS of a share that is held within [0, 1]."""
    return f"{100 * min(max(share, 0.0), 1.0):.1f}%"


def _read_asset(name: str) -> Markup:
    """The project's own style sheets and scripts, as they are."""
    return Markup(files("rhas.report").joinpath("templates", name).read_text("utf-8"))
