"""params.yaml: every section on its own, then what does not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rhas.base.checks import Check
from rhas.base.errors import RhasError
from rhas.base.names import unknown_name
from rhas.config.params import SECTIONS, Params, parse_params
from rhas.config.section import TOKEN_ENCODERS, read_section
from rhas.config.train import TrainConfig
from rhas.methods import reads_tokens
from rhas.train import method_config


def check_parameters(values: Mapping[str, Any]) -> list[Check]:
    """A row per section that is wrong; one row where all are right.

    Args:
        values: params.yaml as plain values.
    """
    errors = {(error.where, error.what): error for error in _find_errors(values)}
    if errors:
        return [_explain_error(error) for error in errors.values()]
    try:
        params = parse_params(Params, values)
    except RhasError as error:
        return [_explain_error(error)]
    sound = Check("parameters", "ok", f"{len(SECTIONS)} sections of params.yaml")
    return list(_check_together(params)) or [sound]


def _find_errors(values: Mapping[str, Any]) -> Iterator[RhasError]:
    known = list(Params.model_fields)
    for name in values:
        if name not in known:
            found = unknown_name("parameter", str(name), known, "params.yaml")
            yield RhasError(found.what, where=found.where, do=found.do)  # known is a long list
    for name in known:
        if name not in values:
            what = f"parameter '{name}' is missing"
            yield RhasError(what, where="params.yaml", do=f"add '{name}'")
    for kind in SECTIONS:
        if kind.section in values:
            try:
                section = read_section(kind, values)
                if isinstance(section, TrainConfig):
                    method_config(section)
            except RhasError as error:
                yield error


def _check_together(params: Params) -> Iterator[Check]:
    stride, gap = params.ground.stride, params.crop.max_gap
    if stride > gap:
        yield Check("ground.stride and crop.max_gap", "fail",
                    f"every {stride}th frame is grounded, gaps of {gap} are bridged",
                    f"set crop.max_gap to {stride} or more")  # fmt: skip
    if params.ground.backend == "truth" and params.dataset != "mini":
        yield Check("ground.backend", "fail", "truth, and only RHAS-mini has true boxes",
                    "set it to transformers or official")  # fmt: skip
    without_tokens = params.vlm in TOKEN_ENCODERS and not params.extract.keep_tokens
    if reads_tokens(params.method) and without_tokens:
        yield Check("method and extract.keep_tokens", "fail",
                    f"{params.method} reads query tokens, and they are not kept",
                    "set extract.keep_tokens to true")  # fmt: skip
    if params.dataset == "own" and (rendered := params.built_in_checkpoints):
        yield Check("checkpoints", "warn",
                    f"{', '.join(rendered)}: trained on rendered figures alone",
                    "name real ones in ground.checkpoint and extract.checkpoints")  # fmt: skip


def _explain_error(error: RhasError) -> Check:
    where = "params.yaml" if error.where == "params.yaml" else f"params.yaml, {error.where}"
    parts = [error.what, f"got {error.got}" if error.got else "",
             f"expected {error.expected}" if error.expected else ""]  # fmt: skip
    return Check(where, "fail", ", ".join(part for part in parts if part), error.do)
