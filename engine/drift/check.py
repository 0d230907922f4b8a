"""One check of everything that serves: `python -m engine.drift.check WORKSPACE`.

A short process of its own, because reading what was served loads libraries that the engine does
not. What it finds goes into the engine's table; what is done about it, the engine decides.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from engine.config.loading import load_engine_settings
from engine.drift.examine import Examination, limits_of
from engine.drift.report import DriftReport
from engine.errors import EngineError
from engine.exits import ERROR_PREFIX, exit_status_of
from engine.locks import FileLock
from engine.store import AliasRegistry, Version, open_store
from engine.tables.drift_checks import DriftCheck, DriftChecks
from engine.workspace import Workspace


def main() -> int:
    """Check once; return the exit status."""
    workspace = Workspace(Path(sys.argv[1]))
    try:
        check_all(workspace)
    except EngineError as error:
        sys.stderr.write(f"{ERROR_PREFIX}{error}\n")
        return exit_status_of(error)
    return 0


def check_all(workspace: Workspace, now: float | None = None) -> list[DriftCheck]:
    """Examine the champion of each kind of data and write down what was found.

    Where another check goes on, nothing is done. A version that was not asked anything, and of
    which nothing came, leaves no row.

    Raises:
        EngineError: Of a version; the others were checked all the same.
    """
    moment = time.time() if now is None else now
    lock = FileLock(workspace.drift_lock)
    if not lock.acquire(wait=False):
        return []
    try:
        # When it was looked last; what comes from now on is for the next check.
        os.utime(workspace.drift_lock, (moment, moment))
        settings = load_engine_settings(workspace_configs=workspace.configs).settings.drift
        found: list[DriftCheck] = []
        problems: list[EngineError] = []
        checks = DriftChecks(workspace.database)
        for state in AliasRegistry(workspace.central_storage).of_all().values():
            if state.champion is None:
                continue
            try:
                version = open_store(workspace).get(state.champion)
                examined = Examination(workspace, version, limits_of(settings), moment)
                report = examined.of_served()
            except EngineError as error:
                problems.append(error)
                continue
            if report.answers or report.live.matched:
                check = check_of(report, version)
                checks.add(check)
                found.append(check)
        if problems:
            raise problems[0]
        return found
    finally:
        lock.release()


def check_of(report: DriftReport, version: Version) -> DriftCheck:
    """A report as a row of the table; the run that deployed the version can be repeated."""
    made_by = version.lineage.get("deployed_by_run")
    return DriftCheck(
        at=report.at,
        data_type=version.data_type,
        version=report.version,
        verdict=report.finding,
        answers=report.answers,
        reasons=report.reasons,
        numbers={**report.to_dict(), "deployed_by_run": made_by},
    )


if __name__ == "__main__":
    sys.exit(main())
