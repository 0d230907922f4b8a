"""Exit codes that a script can rely on."""

from __future__ import annotations

from enum import IntEnum

from engine import errors


class ExitCode(IntEnum):
    """What the exit status of `engine` means."""

    OK = 0
    """Done; for a run: COMPLETED."""

    FAILED = 1
    """The run failed or crashed, or a check found something."""

    USAGE = 2
    """The command line or a configuration file cannot be used."""

    DATA = 3
    """The input data cannot be used."""

    REFUSED = 4
    """The deploy gate did not let the candidate through."""

    NOT_FOUND = 5
    """There is no such run, version, series or file."""

    SERVER = 6
    """The engine or its Prefect server could not be started or reached."""

    STORAGE = 7
    """The disk, a database or the workspace cannot be read or written."""

    CONFLICT = 8
    """It cannot be done in the state that the run or schedule is in."""

    CANCELLED = 130
    """Cancelled, by Ctrl-C or by somebody else."""


_OF_ERROR: dict[type[errors.EngineError], ExitCode] = {
    errors.ConfigError: ExitCode.USAGE,
    errors.ConflictError: ExitCode.CONFLICT,
    errors.DataError: ExitCode.DATA,
    errors.DeployRefusedError: ExitCode.REFUSED,
    errors.NotFoundError: ExitCode.NOT_FOUND,
    errors.ServerError: ExitCode.SERVER,
    errors.StorageError: ExitCode.STORAGE,
}
_OF_NAME = {kind.__name__: code for kind, code in _OF_ERROR.items()}


def code_of_error(error: errors.EngineError) -> ExitCode:
    """The exit code for an error that ended a command."""
    for kind, code in _OF_ERROR.items():
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def code_of_run(state: str, error_kind: str) -> ExitCode:
    """The exit code for a run that ended in `state` with an error of the class `error_kind`."""
    if state == "COMPLETED":
        return ExitCode.OK
    if state == "CANCELLED":
        return ExitCode.CANCELLED
    return _OF_NAME.get(error_kind, ExitCode.FAILED)
