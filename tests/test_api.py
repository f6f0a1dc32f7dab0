"""``import rhas``: quick, complete, and the same names for people and for type checkers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import rhas
import rhas.api


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    return done.stdout.strip()


def test_every_name_is_there() -> None:
    for name in rhas.api.__all__:
        assert getattr(rhas, name) is not None
    assert set(rhas.api.__all__) <= set(dir(rhas))
    assert not hasattr(rhas, "no_such_name")


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(rhas.api.__file__).read_text("utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {a.name for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert seen | {"__version__"} == set(rhas.api.__all__)


def test_importing_loads_nothing_large_and_metrics_no_torch() -> None:
    assert run_python("import rhas, sys; print('numpy' in sys.modules)") == "False"
    code = "import rhas, sys; rhas.metrics.segmentation; print('torch' in sys.modules)"
    assert run_python("import rhas.metrics.segmentation\n" + code) == "False"


def test_the_version_is_that_of_pyproject() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert rhas.__version__ == project["project"]["version"]
