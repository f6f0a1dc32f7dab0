"""Where the commands are that need a project."""

from __future__ import annotations

from pathlib import Path

from rhas.base.errors import RhasError


def params_here(path: Path = Path("params.yaml")) -> Path:
    """The path of a params.yaml that is there.

    Raises:
        RhasError: it is not.
    """
    if not path.is_file():
        raise RhasError("no params.yaml", where=str(path), do="go to the project's folder")
    return path
