"""``rhas profile``: named sets of parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.console import print_text
from rhas.base.formatting import format_size
from rhas.cli.output import Column, print_table
from rhas.config.profiles import list_profiles, read_profile


def profile(
    name: Annotated[
        str | None, typer.Argument(help="The profile to set; without it all are listed.",
                                   show_default=False)
    ] = None,
    params: Annotated[
        Path, typer.Option("--params", help="The file to change. Comments are kept.")
    ] = Path("params.yaml"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change and write nothing.")
    ] = False,
) -> None:  # fmt: skip
    """List profiles, or write one into params.yaml.

    Example: rhas profile real --dry-run

    `--profile` of `rhas segment`, `rhas features` and `rhas check` uses one without changing the
    file; that of `rhas import` writes it.
    """
    if name is None:
        _print_profiles()
        return
    from rhas.data.params_file import change_params_text, list_changes, set_params

    chosen = read_profile(name)
    change_params_text(params, chosen.settings)  # says what is wrong with the file
    changes = (list_changes if dry_run else set_params)(params, chosen.settings)
    for parameter, (old, new) in changes.items():
        print_text(f"{parameter}: {'(default)' if old is None else old} -> {new}")
    if not changes:
        print_text(f"{params} has the parameters of {name} already")
    elif dry_run:
        print_text(f"nothing is written; without --dry-run {params} is changed")
    else:
        print_text(f"{params} is changed")
    if chosen.weights:
        print_text(f"next: `rhas weights pull {name}`")


def _print_profiles() -> None:
    columns = [Column("profile"), Column("for", fold=True),
               Column("weights", fold=True),
               Column("CPU, per hour of film"), Column("GPU, per hour of film")]  # fmt: skip
    rows = []
    for one in list_profiles():
        weights = [f"{w.repository} ({format_size(w.size)}, {w.licence})" for w in one.weights]
        rows.append([one.name, one.purpose, "\n".join(weights) or "built in",
                     one.cost.cpu, one.cost.gpu])  # fmt: skip
    print_table(columns, rows)
    print_text("Sizes and hours are estimates; `rhas weights pull` shows sizes first.")
