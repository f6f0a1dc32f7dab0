"""What is predicted for one sample.

T frames, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhas.base.errors import RhasError
from rhas.metrics.segments import BACKGROUND


@dataclass(frozen=True)
class Prediction:
    """The prediction for one sample; `rhas.metrics.readout.make_prediction` makes it from scores.

    Args:
        scores: (T, C) finite, as the method gave them; they rank the frames of a class for the
            average precision.
        active: bool (T, C), the predicted label set of each frame.
        top: int64 (T,), the first class of the predicted set, BACKGROUND where it is empty.

    Raises:
        RhasError: shapes that do not fit, or a top class that is not in the label set.
    """

    scores: NDArray[np.floating]
    active: NDArray[np.bool_]
    top: NDArray[np.int64]

    def __post_init__(self) -> None:
        frames, classes = self.active.shape
        if self.scores.shape != (frames, classes) or self.top.shape != (frames,):
            raise RhasError(
                "a prediction's arrays do not fit each other",
                expected=f"scores {(frames, classes)}, top {(frames,)}",
                got=f"scores {self.scores.shape}, top {self.top.shape}",
            )
        named = self.active[np.arange(frames), np.maximum(self.top, 0)]
        if not np.array_equal(named, self.top != BACKGROUND) or np.any(
            (self.top == BACKGROUND) & self.active.any(axis=1)
        ):
            raise RhasError(
                "the top class is not in the predicted label set",
                expected="a class of the set, BACKGROUND exactly where the set is empty",
            )

    @staticmethod
    def from_top_class(scores: NDArray[np.floating]) -> Prediction:
        """Exactly the class with the highest score, in every frame.

        Args:
            scores: (T, C).
        """
        top = scores.argmax(axis=1)
        active = np.zeros(scores.shape, bool)
        active[np.arange(len(top)), top] = True
        return Prediction(scores, active, top)
