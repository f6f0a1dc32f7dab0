"""A missing optional package is an error that names the pip command."""

from __future__ import annotations

import pytest

from rhas.base.errors import RhasError
from rhas.base.extras import optional_import


def test_a_missing_package_names_its_extra() -> None:
    with (
        pytest.raises(RhasError, match=r"(?s)no_such_package.*not installed.*rhas\[pipeline\]"),
        optional_import("pipeline"),
    ):
        import no_such_package  # noqa: F401


def test_an_installed_one_is_imported() -> None:
    with optional_import("pipeline"):
        import json
    assert json.dumps(1) == "1"
