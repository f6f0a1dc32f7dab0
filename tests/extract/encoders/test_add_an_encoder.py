"""The template of docs/ADD_AN_ENCODER.md is all that a new encoder needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import rhas

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys
import numpy as np
from rhas.config.extract import ExtractConfig
from rhas.extract.encoders import ENCODERS, load_encoder

assert "clip_patches" in ENCODERS, ENCODERS
checkpoint = sys.argv[1]
config = ExtractConfig(vlm="clip_patches", checkpoints={"clip_patches": checkpoint})
encoder = load_encoder(config.vlm, config.checkpoint)
images = np.random.default_rng(0).integers(0, 256, (3, 40, 60, 3), np.uint8)
(text,) = encoder.encode_text(["the woman in the red coat"])
features = encoder.fuse(encoder.vision(images), text)
assert features.shape == (3, encoder.D) and np.isfinite(features).all()
assert text.embedding.shape == (encoder.D_text,)
assert features.std(0).max() > 0
"""


def test_the_template_is_found_and_runs(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    page = (ROOT / "docs" / "ADD_AN_ENCODER.md").read_text("utf-8")
    (template,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    package = tmp_path / "rhas"
    shutil.copytree(Path(rhas.__file__).parent, package, ignore=shutil.ignore_patterns("*.pyc"))
    (package / "extract" / "encoders" / "clip_patches.py").write_text(template, "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(checkpoints["clip"])],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
