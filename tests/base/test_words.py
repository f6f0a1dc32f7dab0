from __future__ import annotations

from rhas.base.words import duration, size


def test_sizes_and_durations() -> None:
    assert [size(n) for n in (0, 999, 1000, 4_630_557, 3e12)] == [
        "0 B", "999 B", "1.0 kB", "4.6 MB", "3.0 TB",
    ]  # fmt: skip
    assert [duration(s) for s in (0, 59.6, 176.5, 3661)] == ["0:00", "1:00", "2:56", "1:01:01"]
