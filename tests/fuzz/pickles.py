"""Pickles of strangers (`rhas.data.pickles`)."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from fuzz.target import Kind

from rhas.data.pickles import load_pickle

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


PICKLES = Kind("pickles", write, read, examples=1000)
