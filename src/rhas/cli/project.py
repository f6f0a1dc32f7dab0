"""Where the commands are that need a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rhas.base.config import load_params
from rhas.base.errors import RhasError


def params_here(path: Path = Path("params.yaml")) -> Path:
    """The path of a params.yaml that is there.

    Raises:
        RhasError: it is not.
    """
    if not path.is_file():
        raise RhasError("no params.yaml", where=str(path), do="go to the project's folder")
    return path


def read_film_params(path: Path) -> dict[str, Any]:
    """All of params.yaml as plain values, for a command that looks at films.

    Raises:
        RhasError: as `load_params`; the first parameter that such a command needs and that is
            missing or wrong.
    """
    from rhas.check.parameters import check_film_parameters, ready_for_jobs

    values = load_params(path)
    wrong = check_film_parameters(values)
    if wrong:
        where = wrong[0].name.replace("params.yaml", str(path))
        raise RhasError(wrong[0].found, where=where, do=wrong[0].do)
    return ready_for_jobs(values)
