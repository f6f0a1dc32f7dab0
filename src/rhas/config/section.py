"""A section of params.yaml as a frozen pydantic model, with this project's error messages."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

import annotated_types as limits
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from rhas.base.devices import check_compiler, check_device
from rhas.base.errors import RhasError
from rhas.base.names import unknown_name

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Device = Literal["cpu", "cuda"]
"""Where a model runs."""
Dtype = Literal["float32", "bfloat16", "float16"]
Fps = Annotated[float, Field(ge=0.01, le=1000)]
Split = Literal["cross_movie", "folds", "random"]
_ENCODER_FILES = sorted(Path(__file__).parents[1].glob("extract/encoders/[!_]*.py"))
ENCODERS = tuple(path.stem for path in _ENCODER_FILES)
"""Names of the encoders: the modules of `rhas.extract.encoders`, found without importing them."""
TOKEN_ENCODERS = tuple(
    path.stem for path in _ENCODER_FILES if "\n    has_tokens = True\n" in path.read_text("utf-8")
)
"""Those whose feature is a mean of query tokens (`rhas.extract.encoder.Encoder.has_tokens`)."""
if TYPE_CHECKING:
    Vlm = str
else:
    Vlm = Literal[ENCODERS]


def find_device(device: Literal["auto", "cpu", "cuda"]) -> Device:
    """``auto`` as ``cuda`` where torch finds a GPU, else ``cpu``; the others as they are."""
    if device != "auto":
        return device
    import torch  # seconds, which a named device does not need

    return "cuda" if torch.cuda.is_available() else "cpu"


if TYPE_CHECKING:
    DeviceChoice = Device
else:
    # Resolved when it is read: keys of the work cache and messages name the device that is used.
    DeviceChoice = Annotated[Literal["auto", "cpu", "cuda"], AfterValidator(find_device)]

SectionT = TypeVar("SectionT", bound="Section")

_LIMITS = {
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number",
}  # fmt: skip
_NAMES = {int: "whole number", float: "number", str: "text", type(None): "nothing"}


class Section(BaseModel):
    """A section of params.yaml. The string below a field describes it (docs/PARAMETERS.md).

    Values are checked as strictly as YAML allows: a whole number is a number, a list is a tuple,
    and nothing else is converted.

    Raises:
        RhasError: an unknown, missing or wrong parameter; the first one that is found.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    section: ClassVar[str]
    """Name in params.yaml; dotted where the section is part of another one."""
    switches: ClassVar[tuple[str, ...]] = ()
    """Fields that stand at the top level of params.yaml."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _describe_error(type(self), error) from None

    @model_validator(mode="before")
    @classmethod
    def _lists_to_tuples(cls, values: Any) -> Any:
        return _freeze_lists(values)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked like any other."""
        return type(self)(**{**dict(self), **changes})

    def key_values(self) -> dict[str, Any]:
        """What results depend on, as JSON-able values: every field, defaults included."""
        return self.model_dump(mode="json")

    def check_machine(self) -> None:
        """Raises RhasError where this machine lacks what the section asks for, such as a GPU.

        Results that are there already need none of it.
        """
        device = getattr(self, "device", "cpu")
        check_device(device, self.locate("device"))
        if getattr(self, "compile", False):
            check_compiler(device, self.locate("compile"))

    @classmethod
    def locate(cls, field: str) -> str:
        """Where a user finds a field in params.yaml, such as ``crop.size``."""
        return field if field in cls.switches or not cls.section else f"{cls.section}.{field}"


def read_section(kind: type[SectionT], values: Mapping[str, Any]) -> SectionT:
    """A section, with the switches that it takes.

    Args:
        kind: the class of the section.
        values: params.yaml as plain values, or what dvc.yaml declares of it for a stage.

    Raises:
        RhasError: the section is absent or not a mapping, or a parameter in it is unknown,
            missing or wrong.
    """
    section = values.get(kind.section)
    if not isinstance(section, Mapping):
        raise RhasError(
            "not a section", where=kind.section, expected="key: value lines", got=repr(section)
        )
    _check_names(section, kind.section)
    for name in kind.switches:
        if name in section:
            raise RhasError(
                f"unknown parameter '{name}'",
                where=kind.section,
                do="set it at the top of params.yaml",
            )
    switches = {name: values[name] for name in kind.switches if name in values}
    return kind(**{**switches, **section})


def _check_names(values: Mapping[Any, Any], where: str) -> None:
    """Raises RhasError where YAML read a name as a number, a truth value or nothing."""
    for name, value in values.items():
        if not isinstance(name, str):
            raise RhasError(
                "a parameter's name is not text", where=where, got=repr(name), do="remove it"
            )
        if isinstance(value, Mapping):
            _check_names(value, f"{where}.{name}")


def describe_values(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """What a field may hold, such as "whole number, 1 to 95" or "`cpu` or `cuda`"."""
    return " or ".join(_list_options(annotation, metadata))


def _freeze_lists(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_freeze_lists(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _freeze_lists(item) for key, item in value.items()}
    return value


def _list_options(annotation: Any, metadata: Sequence[Any]) -> Iterator[str]:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        yield from _list_options(inner[0], inner[1:])
    elif origin is Literal:
        yield from (f"`{option}`" for option in inner)
    elif origin in (types.UnionType, typing.Union):
        for option in inner:
            yield from _list_options(option, ())
    elif annotation is bool:
        yield from ("`true`", "`false`")
    elif origin is tuple:
        several = typing.get_origin(inner[0]) in (types.UnionType, typing.Union)
        what, comma, limits = describe_values(inner[0]).partition(",")
        yield "list of them" if several else f"list of {what}s{comma}{limits}"
    elif origin is not None or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        yield "key: value lines"
    else:
        yield _NAMES.get(annotation, str(annotation)) + _format_limits(metadata)


def _format_limits(metadata: Sequence[Any]) -> str:
    """Limits in words, after a comma."""
    found: dict[str, Any] = {}
    for item in metadata:
        for limit in getattr(item, "metadata", [item]):  # Field(...) inside Annotated holds them
            for name in ("ge", "gt", "le", "lt"):
                if isinstance(limit, getattr(limits, name.capitalize())):
                    found[name] = getattr(limit, name)
    if {"ge", "le"} <= set(found):
        return f", {_format_limit(found['ge'])} to {_format_limit(found['le'])}"
    words: dict[str, Callable[[Any], str]] = {
        "ge": lambda limit: f"{_format_limit(limit)} or more",
        "gt": lambda limit: f"above {_format_limit(limit)}",
        "le": lambda limit: f"at most {_format_limit(limit)}",
        "lt": lambda limit: f"below {_format_limit(limit)}",
    }
    return "".join(f", {word(found[name])}" for name, word in words.items() if name in found)


def _format_limit(limit: float) -> str:
    """A limit with its thousands apart; powers of two beyond a million as such."""
    exponent = int(limit).bit_length() - 1
    if isinstance(limit, int) and limit == 2**exponent and exponent > 20:
        return f"2^{exponent}"
    return f"{limit:,}" if isinstance(limit, int) and limit >= 10_000 else f"{limit}"


def _describe_error(section: type[Section], error: ValidationError) -> RhasError:
    found = error.errors(include_url=False)
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    name, place = str(first["loc"][0]), section.section or "params.yaml"
    if first["type"] == "extra_forbidden":
        return unknown_name("parameter", name, list(section.model_fields), place)
    if first["type"] == "missing":
        where = "params.yaml" if name in section.switches else place
        return RhasError(f"parameter '{name}' is missing", where=where, do=f"add '{name}'")
    outside = any(e["type"] in _LIMITS for e in found if e["loc"][0] == name)
    field = section.model_fields[name]
    annotation, names = _find_inner(field.annotation, first["loc"][1:])
    item = "".join(f"[{n}]" for n in first["loc"][1:] if isinstance(n, int))
    return RhasError(
        "parameter out of range" if outside else "parameter has a wrong value",
        where=".".join([section.locate(name), *names]) + item,
        expected=describe_values(annotation, () if names else field.metadata),
        got=repr(first["input"]),
    )


def _find_inner(annotation: Any, steps: Sequence[int | str]) -> tuple[Any, list[str]]:
    """What a mapping in a field may hold below its names, and these names."""
    names: list[str] = []
    while typing.get_origin(annotation) is Mapping and len(names) < len(steps):
        annotation = typing.get_args(annotation)[1]
        names.append(str(steps[len(names)]))
    return annotation, names
