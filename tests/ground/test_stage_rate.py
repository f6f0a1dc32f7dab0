"""benchmarks/stage_rate.py's arithmetic, by hand."""

from __future__ import annotations

import pytest
from measure import Seconds, format_rows
from stage_rate import STAGES, compare_stages


def test_ratios_are_medians_of_pairs() -> None:
    def pair(ground: float) -> tuple[dict[str, Seconds], dict[str, Seconds]]:
        stages = dict.fromkeys(STAGES, Seconds(4.0, 2.0))
        command = {**stages, "ground": Seconds(ground, 2.5), "rest": Seconds(1.0, 0.5)}
        return stages, command

    rows = compare_stages([pair(5.0), pair(8.0), pair(5.0)])
    assert rows["ground"]["times_clock"] == pytest.approx(5 / 4)
    assert rows["ground"]["times_cpu"] == pytest.approx(5 / 4)
    assert rows["all"]["clock_s"] == pytest.approx(17)
    assert rows["all"]["times_clock"] == pytest.approx(17 / 16)
    assert rows["rest"] == {"clock_s": 1.0, "cpu_s": 0.5}
    lines = format_rows(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split() == ["ground", "2", "2.5", "1.25", "4", "5", "1.25"]
    assert lines[-1].split() == ["rest", "-", "0.5", "-", "-", "1", "-"]
