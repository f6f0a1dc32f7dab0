"""benchmarks/segment_rate.py's arithmetic, by hand."""

from __future__ import annotations

import pytest
from segment_rate import STAGES, rates, table


def test_rates_are_medians_of_pairs() -> None:
    def pair(ground: float) -> tuple[dict, dict]:
        stages = dict.fromkeys(STAGES, (4.0, 2.0))
        command = {**stages, "ground": (ground, 2.5), "rest": (1.0, 0.5)}
        return stages, command

    rows = rates([pair(5.0), pair(8.0), pair(5.0)])
    assert rows["ground"]["rate_clock_percent"] == pytest.approx(80)
    assert rows["ground"]["rate_cpu_percent"] == pytest.approx(80)
    assert rows["all"]["segment_clock_s"] == pytest.approx(17)
    assert rows["all"]["rate_clock_percent"] == pytest.approx(100 * 16 / 17)
    assert rows["rest"] == {"segment_clock_s": 1.0, "segment_cpu_s": 0.5}
    lines = table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split() == ["ground", "2.0", "2.5", "80.0", "4.0", "5.0", "80.0"]
