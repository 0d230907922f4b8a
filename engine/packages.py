"""Where an installed package lies, without importing it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def folder_of_package(name: str) -> Path:
    """The folder of an installed package.

    Args:
        name: Of a package at the top, such as `plotly`.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"the package {name} is not installed", name=name)
    return Path(next(iter(spec.submodule_search_locations)))
