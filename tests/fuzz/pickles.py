"""Pickles of strangers (`rhas.data.pickles`), and RHAS133's with their arrays."""

from __future__ import annotations

import io
import pickle
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
from fuzz.target import Kind
from published import write_published

from rhas.data.imports import ImportTarget
from rhas.data.pickles import load_pickle
from rhas.data.rhas133.imports import Rhas133Import, import_rhas133

_VALUES = (
    {"a": [1, 2.5, None, True, "text", b"bytes"], 3: (1, (2, ()))},
    [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(["ab", "c"]), np.int64(5)],
    [[{"frame": n, "box": [0.1, 0.2, 0.3, 0.4]} for n in range(3)]] * 2,
)
_BY_HAND = (
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I1\nt"
    b"cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'1234'\ntb.",
    b"\x80\x02}X\x01\x00\x00\x00aI1\ns.",
    b"(lp0\n(I1\nI2\ntp1\nag1\na.",
    b"c_codecs\nencode\n(S'x'\nS'latin1'\ntR.",
)


def write(folder: Path) -> None:
    codes = [pickle.dumps(v, protocol) for v in _VALUES for protocol in (0, 2, 4, 5)]
    for number, code in enumerate((*codes, *_BY_HAND)):
        (folder / f"{number:02d}.pkl").write_bytes(code)


def read(folder: Path, path: Path, way: int) -> None:
    load_pickle(path)


def write_rhas133(folder: Path) -> None:
    write_published(folder, {"train": 2})


def read_rhas133(folder: Path, path: Path, way: int) -> None:
    request = Rhas133Import(folder / "pickles", folder / "features")
    target = ImportTarget(
        folder.with_name("data"), "data", folder / "params.yaml", {}, drop=True, replace=True
    )
    with redirect_stderr(io.StringIO()):
        import_rhas133(request, target, lambda done, total: None)


RHAS133 = Kind("rhas133", write_rhas133, read_rhas133, examples=30)
PICKLES = Kind("pickles", write, read, examples=1000)
