"""How many operators an update of HopaDIFF calls: as it is, and with `train.compile`.

    python benchmarks/launches.py [--preset paper] [--length 600] [--json [FILE]]

On a GPU a small batch waits for Python to start each operation (docs/METHOD.md, On a GPU). Counted
are those of the losses and their backward pass on one window, on the CPU, without the optimizer,
which is one fused operation. An operation is what the profiler has at the top: a compiled kernel or
an operator of torch, but for those that only view a tensor or reserve memory. An operator can start
several kernels, so this is a lower bound of what a GPU starts. Compiling takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hopadiff_cost import make_model
from measure import make_parser, show
from method_cost import make_batch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from rhas.base.program import run_script

WIDTH, CLASSES = 768, 137
KERNEL = "cpp_fused"  # in the name of each that the compiler made
# Operators that start nothing, unless one below them copies: views, and memory not yet written.
FREE = {
    "_reshape_alias", "_unsafe_view", "alias", "as_strided", "chunk", "contiguous", "detach",
    "empty", "empty_like", "empty_strided", "expand", "expand_as", "flatten", "is_nonzero",
    "item", "lift_fresh", "narrow", "new_empty", "numpy_T", "permute", "promote_types", "reshape",
    "resolve_conj", "resolve_neg", "result_type", "select", "size", "slice", "split", "squeeze",
    "t", "to", "transpose", "unbind", "unflatten", "unfold", "unsqueeze", "view", "view_as",
    "view_as_real",
}  # fmt: skip


def count_launches(function: Callable[[], object]) -> int:
    """Of a function that has run before: operators at the top below which something is written."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        function()
    events = [e for e in profiled.events() or () if _is_operator(e)]
    inner = {id(child) for e in events for child in e.cpu_children}
    return sum(_writes(e) for e in events if id(e) not in inner)


def _is_operator(event: Any) -> bool:
    return event.name.startswith("aten::") or KERNEL in event.name


def _writes(event: Any) -> bool:
    parts = filter(_is_operator, event.cpu_children)
    return event.name.removeprefix("aten::") not in FREE or any(map(_writes, parts))


def count_rows(preset: str, length: int) -> dict[str, dict[str, int]]:
    """By whether the parts are compiled."""
    torch._inductor.config.cpp.enable_kernel_profile = True
    method = make_model(preset, length, WIDTH, CLASSES).train()
    batch = make_batch("hopadiff", length, WIDTH, CLASSES)

    def update() -> Tensor:
        method.zero_grad()
        loss = torch.stack(list(method.compute_losses(batch).values())).sum()
        loss.backward()
        return loss

    rows = {}
    for name in ("as it is", "train.compile"):
        if name == "train.compile":
            method.compile_losses()
        update()
        rows[name] = {"operations": count_launches(update)}
    return rows


def format_rows(rows: dict[str, dict[str, int]]) -> str:
    plain = rows["as it is"]["operations"]
    return "\n".join(
        f"{name:<16}{row['operations']:>8}{plain / row['operations']:>8.1f} times fewer"
        for name, row in rows.items()
    )


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--length", type=int, default=600, help="frames of the window")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = count_rows(options.preset, options.length)
    show(rows, format_rows(rows), options.json)


if __name__ == "__main__":
    run_script(main)
