from __future__ import annotations

from rhas.base.formatting import format_duration, format_minutes, format_size


def test_sizes_and_durations() -> None:
    assert [format_size(n) for n in (0, 999, 1000, 4_630_557, 3e12)] == [
        "0 B", "999 B", "1.0 kB", "4.6 MB", "3.0 TB",
    ]  # fmt: skip
    assert [format_duration(s) for s in (0, 59.6, 176.5, 3661)] == [
        "0:00", "1:00", "2:56", "1:01:01",
    ]  # fmt: skip


def test_minutes_go_on_beyond_an_hour() -> None:
    assert [format_minutes(s) for s in (0, 9.6, 65, 3600)] == ["0:00", "0:10", "1:05", "60:00"]
