"""Referring Human Action Segmentation: from a film and a sentence to what a person did, when.

What people use is in `rhas.api` and is imported when it is first used: ``import rhas`` takes no
time, and ``rhas.metrics`` loads no torch. docs/API.md has an example of each.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rhas.api import *  # noqa: F403
else:

    def __getattr__(name: str) -> object:
        from importlib import import_module

        return getattr(import_module("rhas.api"), name)

    def __dir__() -> list[str]:
        from importlib import import_module

        return sorted({*globals(), *import_module("rhas.api").__all__})
