"""The constants of tracking: the table in docs/GROUNDING.md is the code's, and none is left out."""

from __future__ import annotations

import ast
from pathlib import Path

from rhas.crop.constants import CONSTANTS, format_constants

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_shows_the_constants_of_the_code() -> None:
    page = (ROOT / "docs" / "GROUNDING.md").read_text("utf-8")
    start, end = page.index("<!-- constants"), page.index("<!-- end of constants")
    table = "\n".join(line for line in page[start:end].splitlines() if line.startswith("|"))
    assert table == format_constants(), "put the output of format_constants into docs/GROUNDING.md"


def test_every_constant_has_its_row_and_its_value() -> None:
    from rhas.crop import constants

    names = {name for name in vars(constants) if name.isupper() and not name.startswith("_")}
    rows = {name for c in CONSTANTS for name in c.symbol.split(", ")}
    assert names - {"CONSTANTS"} == rows
    for constant in CONSTANTS:
        if ", " not in constant.symbol:
            assert getattr(constants, constant.symbol) == constant.value
    assert all(c.unit and c.effect and c.choice for c in CONSTANTS)


def test_crop_has_no_other_numbers_as_constants() -> None:
    for path in sorted((ROOT / "src" / "rhas" / "crop").glob("*.py")):
        if path.stem == "constants":
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                numbers = [
                    n.value
                    for n in ast.walk(node.value)
                    if isinstance(n, ast.Constant) and isinstance(n.value, int | float)
                ]
                assert not numbers, f"{path.name}: {ast.unparse(node)} belongs to constants.py"
