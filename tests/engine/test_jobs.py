from __future__ import annotations

from typing import Any

import pytest

from rhas.base.errors import RhasError
from rhas.engine.jobs import encoder_checkpoint


def test_the_checkpoint_of_the_vlm() -> None:
    values = {"vlm": "clip", "extract": {"checkpoints": {"blip2": "a", "clip": "b"}}}
    assert encoder_checkpoint(values) == "b"


@pytest.mark.parametrize(
    "section", [{}, {"checkpoints": None}, {"checkpoints": {"blip2": "a"}},
                {"checkpoints": {"clip": ""}}, {"checkpoints": {"clip": None}}]
)  # fmt: skip
def test_a_vlm_without_checkpoint(section: dict[str, Any]) -> None:
    with pytest.raises(RhasError, match="no checkpoint of this vlm") as failure:
        encoder_checkpoint({"vlm": "clip", "extract": section})
    assert "'clip'" in failure.value.expected
