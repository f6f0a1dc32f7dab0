"""Tables as text: Markdown, CSV, LaTeX, JSON. What has not been measured is a dash, or nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

from rhas.base.files import write_cell
from rhas.report.paper_tables.layout import BASELINES, SIDES, Cell, Row, Table

Format = Literal["markdown", "csv", "latex", "json"]
EMPTY = "–"
_EVALUATORS = {"clean": "clean figures", "as_published": "published evaluator"}
_SOURCES = {
    "ours": "ours",
    "paper": "paper",
    "nothing": "knows nothing",
    "constant": "knows nothing",
    "chance": "knows nothing",
}
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
        "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "±": r"$\pm$", "–": "--", "`": r"\textasciigrave{}",
    }
)  # fmt: skip


def format_tables(tables: Sequence[Table], form: Format) -> str:
    """Tables as text that ends with a line break."""
    return _FORMS[form](tables)


def markdown(tables: Sequence[Table]) -> str:
    """Headings, pipe tables whose columns are padded, and notes."""
    return "\n".join(_markdown(table) for table in tables)


def format_aligned(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> str:
    """A Markdown table that is readable as it is; the first ``texts`` columns are to the left."""
    cells = [[_cell_text(cell) for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    rule = ["-" * width if i < texts else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    lines = []
    for number, row in enumerate([cells[0], rule, *cells[1:]]):
        padded = [
            cell.ljust(width) if i < texts or number == 1 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(padded)} |")
    return "\n".join(lines) + "\n"


def _markdown(table: Table) -> str:
    header = ["method", "whose", "runs"]
    header += [f"{side} {name}" for side in SIDES for name in table.figures.values()]
    rows = [
        [row.label, _SOURCES[row.source], _runs(row), *_figures(table, row)] for row in table.rows
    ]
    notes = "".join(f"- {note}\n" for note in table.notes)
    return f"### {_title(table)}\n\n{format_aligned(header, rows, texts=2)}\n{notes}"


def _latex(tables: Sequence[Table]) -> str:
    """A ``table`` environment each, which needs no package."""
    return "\n".join(_latex_table(table) for table in tables)


def _latex_table(table: Table) -> str:
    width = len(table.figures)
    sides = " & ".join(rf"\multicolumn{{{width}}}{{c}}{{{side}}}" for side in SIDES)
    names = " & ".join(_tex(name) for _ in SIDES for name in table.figures.values())
    lines = [
        r"\begin{table}",
        rf"\caption{{{_tex(_title(table) + '. ' + '; '.join(table.notes) + '.')}}}",
        rf"\begin{{tabular}}{{llr{'r' * width * len(SIDES)}}}",
        r"\hline",
        rf" & & & {sides} \\",
        rf"method & whose & runs & {names} \\",
        r"\hline",
    ]
    for number, row in enumerate(table.rows):
        if row.source == BASELINES[0] and number:
            lines.append(r"\hline")
        cells = [row.label, _SOURCES[row.source], _runs(row), *_figures(table, row)]
        lines.append(" & ".join(map(_tex, cells)) + r" \\")
    lines += [r"\hline", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def _csv(tables: Sequence[Table]) -> str:
    """A line per row of each table; an empty field has not been measured, ``_sd`` is the spread."""
    figures = list(dict.fromkeys(key for table in tables for key in table.figures))
    columns = [(side, key) for side in SIDES for key in figures]
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    header = [f"{side}_{key}{end}" for side, key in columns for end in ("", "_sd")]
    writer.writerow(["table", "evaluator", "method", "source", "runs", *header])
    for table in tables:
        for row in table.rows:
            cells = [row.cells.get(column) for column in columns]
            shown = [value for cell in cells for value in _numbers(cell)]
            writer.writerow(
                [table.number, table.evaluator, write_cell(row.label), row.source, row.runs, *shown]
            )
    return made.getvalue()


def _json(tables: Sequence[Table]) -> str:
    values = [
        {
            "table": table.number,
            "title": table.title,
            "evaluator": table.evaluator,
            "notes": list(table.notes),
            "rows": [
                {
                    "method": row.label,
                    "source": row.source,
                    "runs": row.runs,
                    **{side: _side(table, row, side) for side in SIDES},
                }
                for row in table.rows
            ],
        }
        for table in tables
    ]
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


_FORMS: dict[Format, Callable[[Sequence[Table]], str]] = {
    "markdown": markdown, "csv": _csv, "latex": _latex, "json": _json,
}  # fmt: skip


def _side(table: Table, row: Row, side: str) -> dict[str, Any]:
    cells = {key: row.cells.get((side, key)) for key in table.figures}
    return {
        key: None
        if cell is None
        else {"mean": round(cell.mean, 4), "spread": _rounded(cell.spread)}
        for key, cell in cells.items()
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _title(table: Table) -> str:
    return f"Table {table.number}, {_EVALUATORS[table.evaluator]}, %: {table.title}"


def _runs(row: Row) -> str:
    return str(row.runs) if row.source == "ours" and row.runs else ""


def _figures(table: Table, row: Row) -> list[str]:
    digits = 2 if row.source == "paper" else 1
    return [
        shown(row.cells.get((side, key)), digits) for side in SIDES for key in table.figures
    ]  # fmt: skip


def shown(cell: Cell | None, digits: int = 1) -> str:
    """A cell for people: 12.3, 12.3 ± 0.4, or a dash."""
    if cell is None:
        return EMPTY
    spread = "" if cell.spread is None else f" ± {cell.spread:.{digits}f}"
    return f"{cell.mean:.{digits}f}{spread}"


def _numbers(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return "", ""
    return f"{cell.mean:.4f}", "" if cell.spread is None else f"{cell.spread:.4f}"


def _cell_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _tex(text: str) -> str:
    return text.translate(_ESCAPES)
