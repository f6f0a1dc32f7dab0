from __future__ import annotations

import pytest
import torch

from rhas.base.threads import torch_threads


def fail_with(count: int) -> None:
    with torch_threads(count):
        assert torch.get_num_threads() == count
        raise ValueError("stop")


def test_so_many_within_and_as_before_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="stop"):
        fail_with(before + 1)
    assert torch.get_num_threads() == before
