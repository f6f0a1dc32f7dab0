"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PersonReferences = Annotated[
    list[str], typer.Option(help="A sentence that describes a person; once per person.")
]
ParamsOption = Annotated[
    Path,
    typer.Option(
        "--params", exists=True, dir_okay=False,
        help="Settings of the stages; checkpoints in it are relative to the current folder.",
    ),
]  # fmt: skip
