"""Film functions for the tests of the runner; a module of their own, since workers import them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError
from rhas.engine.workcache import Job


def make_job(folder: Path, text: str = "hello", tail: str = "!", movie: str = "a") -> Job:
    film = folder / f"{movie}.txt"
    film.write_text(text)
    arguments = {"movie": movie, "calls": str(folder / "calls"), "config": {"tail": tail}}
    return Job(movie, {"film": film}, arguments, f"{movie}.out", size=len(text))


def shout(
    inputs: Mapping[str, Path], arguments: Mapping[str, Any], out: Path, progress: Callable
) -> dict[str, Any]:
    """Upper case of a text; notes each call in ``arguments['calls']``, fails where told to."""
    with Path(arguments["calls"]).open("a") as calls:
        calls.write(f"{arguments['movie']}\n")
    text = inputs["film"].read_text()
    if text == "broken":
        raise RhasError("this film is broken", where=arguments["movie"])
    if text == "bug":
        raise ZeroDivisionError("a bug")
    if text == "slow":
        out.write_text("half")
        time.sleep(30)
    if text == "killed":
        os._exit(9)
    progress(len(text))
    out.write_text(text.upper() + arguments["config"]["tail"])
    return {"frames": len(text)}
