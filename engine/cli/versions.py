"""Which version a name means, and what versions are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.data_types import DATA_TYPES, TIMESERIES

if TYPE_CHECKING:
    from engine.cli.options import CommandLine
    from engine.store import AliasState, Version


def resolve_version(line: CommandLine, name: str, data_type: str | None = None) -> Version:
    """Return the version that an id or an alias names.

    Args:
        line: Of which workspace.
        name: The id, champion or previous.
        data_type: Whose alias is meant; None: see `meant_type`.

    Raises:
        NotFoundError: There is none, or it is of another data type.
    """
    from engine.errors import NotFoundError
    from engine.store import AliasRegistry, open_store

    workspace = line.workspace.create()
    states = AliasRegistry(workspace.central_storage).of_all()
    aliases = states[data_type or meant_type(states)]
    known = {"champion": aliases.champion, "previous": aliases.previous}
    if name in known and known[name] is None:
        said = f" --data-type {data_type}" if data_type else ""
        of = f" of data_type {data_type}" if data_type else ""
        raise NotFoundError(
            f"there is no {name}{of} yet", fix=f"Deploy one: engine run full_flow{said}"
        )
    version = open_store(workspace).get(known.get(name) or name)
    if data_type not in (None, version.data_type):
        raise NotFoundError(
            f"there is no version {name!r} of data_type {data_type}: it is of {version.data_type}",
            fix="Leave --data-type out, or name another version: engine models",
        )
    return version


def meant_type(states: dict[str, AliasState]) -> str:
    """Whose champion is meant where nobody says: of the only kind that has one, or of series."""
    serving = serving_types(states)
    return serving[0] if len(serving) == 1 else TIMESERIES


def serving_types(states: dict[str, AliasState]) -> list[str]:
    """The data types that have a champion."""
    return [data_type for data_type in DATA_TYPES if states[data_type].champion is not None]


def alias_states(line: CommandLine) -> dict[str, AliasState]:
    """Where the aliases of each data type point."""
    from engine.store import AliasRegistry

    return AliasRegistry(line.workspace.create().central_storage).of_all()


def roles(line: CommandLine) -> dict[str, str]:
    """What versions are called, whatever data type they are of."""
    return {
        version: name for state in alias_states(line).values() for name, version in state.named()
    }
