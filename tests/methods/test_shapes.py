"""The hook in conftest.py is alive: a wrong shape is an error, not a broadcast."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from rhas.methods.hopadiff.mlstm import mlstm_chunkwise
from rhas.methods.hopadiff.spectrum import dft


def test_a_missing_dimension_is_an_error() -> None:
    with pytest.raises(TypeCheckError):
        dft(torch.zeros(8, 3))


def test_dimensions_of_one_name_are_one_size() -> None:
    q, gate = torch.zeros(1, 2, 8, 4), torch.zeros(1, 2, 8)
    with pytest.raises(TypeCheckError):
        mlstm_chunkwise(q, q, torch.zeros(1, 2, 7, 4), gate, gate)
    assert mlstm_chunkwise(q, q, q, gate, gate).shape == (1, 2, 8, 4)
