"""`train.compile`: HopaDIFF's losses are one graph, pooling another, and it learns the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# In a process of its own: the type checks of the test session cannot be traced. The graph runs
# without the compiler of kernels, which takes minutes, so that the values are equal.
SCRIPT = """
import json, sys, tempfile
import torch
from methods.toy import toy_samples
from rhas.config.train import TrainConfig
from rhas.train import fit

graphs = []
compile_function = torch.compile

def compile_whole(function, mode=None):
    def count(graph, inputs):
        graphs.append(function.__name__)
        return graph.forward
    return compile_function(function, backend=count, fullgraph=True)

torch.compile = compile_whole
tiny = {"encoder_layers": 2, "encoder_maps": 8, "feature_layers": [0, 1], "decoder_layers": 2,
        "decoder_maps": 8, "time_width": 8, "spectrum_width": 4, "sampling_steps": 2,
        "boundary_weight": 0.1}
curves = []
for compiled in (False, True):
    config = TrainConfig(method="hopadiff", seed=1, epochs=2, threads=1, compile=compiled,
                         batch_size=int(sys.argv[1]), precision=sys.argv[2],
                         overrides={"hopadiff": tiny})
    with tempfile.TemporaryDirectory() as out:
        samples = toy_samples(4, L=48, seed=1)
        curves.append(fit(samples, samples[:1], config, out=out, progress=lambda *_: None).last)
print(json.dumps({"graphs": graphs, "curves": curves}))
"""


@pytest.mark.parametrize(("batch_size", "precision"), [(2, "float32"), (1, "bfloat16")])
def test_compiled_losses_learn_the_same(batch_size: int, precision: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(batch_size), precision]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["graphs"]) == {"losses_at", "pool", "read_stream"}
    plain, compiled = found["curves"]
    assert plain == compiled
