"""All targets by name; a target's modules are imported when it is used."""

from __future__ import annotations

from importlib import import_module

from fuzz.target import Kind

_PLACES = {
    "pickles": ("pickles", "PICKLES"),
    "rhas133": ("pickles", "RHAS133"),
    "tables": ("tables", "TABLES"),
    "formats": ("tables", "FORMATS_OF_TOOLS"),
    "hdf5": ("stores", "HDF5"),
    "zarr": ("stores", "ZARR"),
    "containers": ("containers", "CONTAINERS"),
}
NAMES = tuple(_PLACES)


def load_kind(name: str) -> Kind:
    """The target of a name."""
    module, attribute = _PLACES[name]
    kind = getattr(import_module(f"fuzz.{module}"), attribute)
    assert kind.name == name
    return kind
