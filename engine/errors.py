"""Errors that are written for people.

Every refusal in this project says three things: what happened, where, and what to do.
The command line turns each class into its own exit code (engine/cli/exit_codes.py).
"""

from __future__ import annotations

from collections.abc import Mapping


class EngineError(Exception):
    """Something the user can act on.

    Args:
        what: What happened, as a sentence without a final full stop.
        where: File, line, row, run or version that it is about.
        fix: What to do next.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(str(self))

    @property
    def kind(self) -> str:
        """Name of the family of errors: that of the nearest class in this module."""
        return next(cls.__name__ for cls in type(self).__mro__ if cls.__module__ == __name__)

    def to_dict(self) -> dict[str, str | None]:
        """The error as data: for JSON output, and to cross from the engine to its clients."""
        return {"kind": self.kind, "message": self.what, "where": self.where, "fix": self.fix}

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f". {self.fix}" if self.fix else ""
        return f"{place}{self.what}{advice}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders; keyword-only arguments need help to survive pickling.
        return _rebuild, (type(self), dict(self.__dict__))


def _rebuild(cls: type[EngineError], state: dict[str, object]) -> EngineError:
    error = cls.__new__(cls)
    error.__dict__.update(state)
    Exception.__init__(error, str(error))
    return error


class ConfigError(EngineError):
    """A configuration that cannot be used."""


class DataError(EngineError):
    """Input rows that cannot be used."""


class NotFoundError(EngineError):
    """A run, version, series, dataset or file that does not exist."""


class ModelError(EngineError):
    """A model that cannot be trained, written, verified or read."""


class DeployRefusedError(EngineError):
    """A candidate that the deploy gate does not let through."""


class ServerError(EngineError):
    """The engine or its Prefect server could not be started or reached."""


class LostElsewhereError(ServerError):
    """A part of a run whose process on another machine was lost."""


class StorageError(EngineError):
    """A disk, database or folder that cannot be read or written."""


class ConflictError(EngineError):
    """Something that cannot be done in the state that a run, schedule or version is in."""


def error_of_dict(values: Mapping[str, str | None]) -> EngineError:
    """Make the error again that `to_dict` described; of an unknown kind it is a plain one."""
    family = globals().get(str(values["kind"]))
    known = isinstance(family, type) and issubclass(family, EngineError)
    kind: type[EngineError] = family if known else EngineError  # type: ignore[assignment]
    return kind(str(values["message"]), where=values.get("where"), fix=values.get("fix"))
