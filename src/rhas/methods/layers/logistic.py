"""Logistic regressions, one per class, fitted to the minimum. n rows, K inputs, C classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rhas.base.errors import RhasError

_RAREST = 1e-4  # share of rows of a class that never occurs
_CACHE_BYTES = 4e9

Rows = tuple[Tensor, Tensor]
"""Inputs (n, K) and labels in [0, 1] (n, C)."""


class LogisticRegression(nn.Module):
    """Standardised inputs times weights plus a bias: logits.

    Its parameters are fitted by :meth:`fit` to the minimum of a convex loss and get no gradient.

    Args:
        K: inputs.
        C: classes.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, K: int, C: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(K))
        self.register_buffer("spread", torch.ones(K))
        self.weight = nn.Parameter(torch.zeros(K, C), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(C), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (..., K) to (..., C)."""
        return ((x - self.mean) / self.spread) @ self.weight + self.bias

    @torch.no_grad()
    def fit(self, rows: Callable[[], Iterable[Rows]], l2: float, iterations: int = 200) -> None:
        """Minimises the binary cross-entropy, summed over classes and averaged over rows.

        By L-BFGS from zero weights: the same rows give the same result, without a seed.

        Args:
            rows: iterates over blocks of rows, the same ones in each call. They stay in memory
                where all of them take at most 4 GB; otherwise they are made anew in each iteration.
            l2: weight of the squared norm of the weights.
            iterations: at most.

        Raises:
            RhasError: no row.
        """
        blocks = _CachedBlocks(rows)
        count, positives = self._fit_statistics(blocks)
        found = positives > 0
        weight = torch.zeros(len(self.mean), int(found.sum()), device=self.mean.device)
        prior = (positives / count).clamp(_RAREST, 1 - _RAREST).logit().float()
        bias = prior[found].clone()
        optimizer = torch.optim.LBFGS(
            [weight, bias],
            max_iter=iterations,
            tolerance_change=1e-7,
            line_search_fn="strong_wolfe",
        )

        blocks.transform(lambda x, y: ((x - self.mean) / self.spread, y[:, found]))

        def closure() -> Tensor:
            loss = l2 * weight.square().sum()
            weight.grad, bias.grad = 2 * l2 * weight, torch.zeros_like(bias)
            for x, target in blocks:
                logits = x @ weight + bias
                loss += F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / count
                error = (logits.sigmoid() - target) / count
                weight.grad += x.T @ error
                bias.grad += error.sum(0)
            return loss

        if found.any():
            optimizer.step(closure)
        self.weight.zero_()
        self.weight[:, found] = weight
        self.bias.copy_(prior)
        self.bias[found] = bias

    def _fit_statistics(self, blocks: Iterable[Rows]) -> tuple[int, Tensor]:
        """Sets mean and spread; the number of rows, and of each class's positives."""
        count, positives = 0, torch.zeros(len(self.bias), dtype=torch.float64)
        first, second = torch.zeros(2, len(self.mean), dtype=torch.float64)
        for x, y in blocks:
            count += len(x)
            positives += y.sum(0, dtype=torch.float64).cpu()
            first += x.sum(0, dtype=torch.float64).cpu()
            second += x.double().square().sum(0).cpu()
        if not count:
            raise RhasError("no frame to fit a regression on", where="training samples")
        mean = first / count
        spread = (second / count - mean.square()).clamp_min(0).sqrt()
        self.mean.copy_(mean)
        self.spread.copy_(torch.where(spread > 1e-6, spread, 1))
        return count, positives.to(self.mean.device)


class _CachedBlocks:
    """Blocks of rows that stay in memory, all of them or none."""

    def __init__(self, rows: Callable[[], Iterable[Rows]]) -> None:
        self._rows = rows
        self._cached: list[Rows] | None = self._read()

    def __iter__(self) -> Iterator[Rows]:
        return iter(self._rows() if self._cached is None else self._cached)

    def transform(self, function: Callable[[Tensor, Tensor], Rows]) -> None:
        """Replaces every block by the function of it: once where they are in memory, otherwise
        whenever they are made."""
        rows, cached = self._rows, self._cached or []
        self._rows = lambda: (function(*block) for block in rows())
        for number, block in enumerate(cached):
            cached[number] = function(*block)

    def _read(self) -> list[Rows] | None:
        blocks, size = [], 0
        for block in self._rows():
            size += sum(tensor.nbytes for tensor in block)
            if size > _CACHE_BYTES:
                return None
            blocks.append(block)
        return blocks
