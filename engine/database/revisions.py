"""Which revisions of their tables the installed Prefect and MLflow know, without importing them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from engine.packages import folder_of_package

Schema = Literal["prefect postgresql", "prefect sqlite", "mlflow"]

_PLACES: dict[Schema, tuple[str, str]] = {
    "prefect postgresql": ("prefect", "server/database/_migrations/versions/postgresql"),
    "prefect sqlite": ("prefect", "server/database/_migrations/versions/sqlite"),
    "mlflow": ("mlflow", "store/db_migrations/versions"),
}
_LINE = re.compile(r"""^(down_)?revision(?::[^=]+)?\s*=\s*["']([^"']+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Revisions:
    """What one installed program knows.

    Attributes:
        known: All revisions.
        newest: The one that its tables are brought to.
    """

    known: frozenset[str]
    newest: str


@cache
def revisions(schema: Schema) -> Revisions:
    """Read the revisions from the migrations that lie in the package."""
    package, place = _PLACES[schema]
    known: set[str] = set()
    followed: set[str] = set()
    for path in (folder_of_package(package) / place).glob("*.py"):
        for is_down, name in _LINE.findall(path.read_text(encoding="utf-8")):
            (followed if is_down else known).add(name)
    (newest,) = known - followed
    return Revisions(frozenset(known), newest)
