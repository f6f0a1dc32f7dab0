"""`train.compile`: each part of HopaDIFF is one graph, and learns the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

# In a process of its own: the type checks of the test session cannot be traced. The graphs run
# without the compiler of kernels, which takes minutes, so that the values are equal.
SCRIPT = """
import json, sys, tempfile
import torch
from methods.toy import toy_samples
from rhas.config.train import TrainConfig
from rhas.train import fit

graphs = set()

def compile_part(part):
    def count(graph, inputs):
        graphs.add(type(part).__name__)
        return graph.forward
    part._compiled_call_impl = torch.compile(part._call_impl, backend=count, fullgraph=True)

torch.nn.Module.compile = compile_part
tiny = {"encoder_layers": 2, "encoder_maps": 8, "feature_layers": [0, 1], "decoder_layers": 2,
        "decoder_maps": 8, "time_width": 8, "spectrum_width": 4, "sampling_steps": 2}
curves = []
for compiled in (False, True):
    config = TrainConfig(method="hopadiff", seed=1, epochs=2, threads=1, compile=compiled,
                         overrides={"hopadiff": tiny})
    with tempfile.TemporaryDirectory() as out:
        samples = toy_samples(3, L=48, seed=1)
        curves.append(fit(samples, samples[:1], config, out=out, progress=lambda *_: None).last)
print(json.dumps({"graphs": sorted(graphs), "curves": curves}))
"""


def test_compiled_parts_learn_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=TESTS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["graphs"] == [
        "BranchEncoder", "DiffusionDecoder", "MLSTMBlock", "SpectrumEmbedding"
    ]  # fmt: skip
    plain, compiled = found["curves"]
    assert plain == compiled
