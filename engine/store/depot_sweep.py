"""Removing from the shared storage what runs left there that this workspace has deleted.

`python -m engine.store.depot_sweep WORKSPACE`. Data sets stay: they are named by their content, and
other workspaces may use them.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from engine.errors import EngineError, NotFoundError
from engine.exits import exit_status_of
from engine.locks import FileLock
from engine.runs.placing import home_id
from engine.store.depot import CANDIDATES, EVALUATIONS, Depot
from engine.store.opening import open_depot
from engine.tables.runs import RunTable
from engine.workspace import Workspace

logger = logging.getLogger(__name__)


def sweep(depot: Depot, table: RunTable, home: str) -> int:
    """Delete what belongs to runs of this workspace that it does not know any more.

    Args:
        depot: The shared storage.
        table: The runs of this workspace.
        home: This workspace.

    Returns:
        How many were deleted.
    """
    deleted = 0
    for kind in (CANDIDATES, EVALUATIONS):
        for name in depot.names(kind):
            if _is_known(table, name) or depot.home_of(kind, name) != home:
                continue
            depot.delete(kind, name)
            deleted += 1
    return deleted


def _is_known(table: RunTable, run_id: str) -> bool:
    try:
        return table.get(run_id).id == run_id
    except NotFoundError:
        return False


def main() -> int:
    """Sweep once; another one that is at it does it as well."""
    workspace = Workspace(Path(sys.argv[1]))
    lock = FileLock(workspace.depot_lock)
    if not lock.acquire(wait=False):
        return 0
    logging.basicConfig(level=logging.INFO)
    try:
        depot = open_depot(workspace)
        if depot is not None:
            home = home_id(workspace.root)
            logger.info("deleted %d", sweep(depot, RunTable(workspace.database), home))
    except EngineError as error:
        logger.error("%s", error)
        return exit_status_of(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
