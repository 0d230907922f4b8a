"""Korean texts by their English ones, a file a screen."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules


def texts() -> dict[str, str]:
    """All of them."""
    found: dict[str, str] = {}
    for module in iter_modules(__path__):
        found.update(import_module(f"{__name__}.{module.name}").TEXTS)
    return found
