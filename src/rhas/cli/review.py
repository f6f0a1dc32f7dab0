"""``rhas review``: correct what `rhas segment` found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rhas.base.console import print_text
from rhas.cli.output import print_note


def review(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The folder that `rhas segment` wrote.",
                       show_default=False),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: a free one.")
    ] = 0,
) -> None:  # fmt: skip
    """Correct what `rhas segment` found, in a browser.

    Example: rhas review film

    Prints an address to open. The page saves corrections into DIR/corrections.json; `rhas import
    review DIR` makes training data of them. Nothing leaves this machine. Ctrl-C ends the command.
    Keys and buttons: docs/REVIEW.md.
    """
    from rhas.review.folder import ReviewFolder
    from rhas.review.server import ReviewServer

    with ReviewServer(ReviewFolder(folder), port) as server:
        print_note(f"{folder}: open this address; Ctrl-C ends the review")
        print_text(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print_note("review ended")
