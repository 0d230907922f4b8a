"""Which versions need not be kept, and what is left of writers that died."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.atomic import sweep_unfinished
from engine.store.aliases import AliasRegistry
from engine.store.versions import VersionStore


@dataclass(frozen=True)
class Plan:
    """What is to be deleted.

    Attributes:
        versions: Ids of versions.
        copies: Ids of versions of which only this machine has a copy, and no alias names them.
        abandoned: Names of uploads that were given up.
    """

    versions: tuple[str, ...]
    copies: tuple[str, ...]
    abandoned: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.versions or self.copies or self.abandoned)

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-able data."""
        return asdict(self)


class Sweep:
    """Cleans central storage.

    Args:
        store: Its versions.
        aliases: Which of them are in use.
    """

    def __init__(self, store: VersionStore, aliases: AliasRegistry) -> None:
        self._store = store
        self._aliases = aliases

    def plan(self, keep: int) -> Plan:
        """Find what need not be kept: all but the `keep` newest, and those that an alias names.

        Raises:
            StorageError: The versions cannot be listed.
        """
        states = self._aliases.of_all().values()
        used = {version for state in states for _, version in state.named()}
        old = [version.id for version in self._store.newest()[keep:]]
        return Plan(
            versions=tuple(name for name in old if name not in used),
            copies=tuple(name for name in self._store.copies() if name not in used),
            abandoned=tuple(self._store.abandoned()),
        )

    def carry_out(self, plan: Plan) -> None:
        """Delete what a plan names.

        Raises:
            ConflictError: An alias has come to name one of the versions since.
            StorageError: The disk refuses.
        """
        for version_id in plan.versions:
            with self._aliases.held_away_from(version_id):
                self._store.delete(version_id)
        for version_id in plan.copies:
            with self._aliases.held_away_from(version_id):
                self._store.forget(version_id)
        for name in plan.abandoned:
            self._store.give_up(name)

    def sweep_unfinished(self) -> int:
        """Remove the folders that writers which died left unfinished; return how many."""
        return sweep_unfinished(self._store.folder)
