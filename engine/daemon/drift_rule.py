"""What is done when a version has drifted: decided once a check, also across restarts.

A decision is written before it is carried out. The messages about it are put into the outbox in the
same transaction; a training is launched under a key of the check, so that an engine that was killed
in between launches the same run again, which is no other run.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from engine.config.engine_settings import DriftSettings
from engine.daemon.errands import Errand
from engine.daemon.workers import Workers
from engine.errors import EngineError, NotFoundError
from engine.schema import LaunchReply, LaunchRequest
from engine.tables.drift_checks import DRIFTED, Action, DriftCheck, DriftChecks
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from models.data_types import TIMESERIES

logger = logging.getLogger(__name__)

TAG = "drift"

_MODULE = "engine.drift.check"
_EVERY_SECONDS = 10.0
_LOOK_SECONDS = 3.0
_FLOW = "full_flow"
_LONGEST_ORIGIN = 200
_HOUR = 3600.0
_FORCE = "deploy.force"
_FORCED = ("force", _FORCE)
_LATER_SECONDS = 60.0


class DriftRule:
    """Decides about checks and carries out what was decided.

    Args:
        workspace: Where answers, actual values and the database are.
        table: The runs.
        settings: The rule, as of now.
        launch: Accepts a run.
        targets: Whom to tell, as of now.
        tell: Delivers what was put into the outbox.
        workers: Threads for the table.

    Attributes:
        errand: Checks.
    """

    def __init__(
        self,
        workspace: Workspace,
        table: RunTable,
        settings: Callable[[], DriftSettings],
        *,
        launch: Callable[[LaunchRequest], Awaitable[LaunchReply]],
        targets: Callable[[], list[str]],
        tell: Callable[[], None],
        workers: Workers,
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._settings = settings
        self._launch = launch
        self._targets = targets
        self._tell = tell
        self._workers = workers
        self._checks = DriftChecks(workspace.database)
        self.errand = Errand(
            workspace, "drift", _MODULE, self.is_check_due, every_seconds=_EVERY_SECONDS
        )

    async def is_check_due(self) -> bool:
        """Whether something came since the last check, and that is long enough ago."""
        minutes = self._settings().check_every_minutes
        return minutes > 0 and await asyncio.to_thread(_is_due, self._workspace, minutes * 60.0)

    async def act_regularly(self) -> None:
        """Decide about what was checked and launch what was decided on, until cancelled."""
        while True:
            pause = _LOOK_SECONDS
            try:
                await self.act()
            except EngineError as error:
                logger.error("what was found about drift cannot be worked on: %s", error)
                pause = _LATER_SECONDS
            await asyncio.sleep(pause)

    async def act(self) -> None:
        """Decide about every check of which nothing was decided, and launch what was."""
        undecided = await self._workers.table(self._checks.undecided)
        newest = {check.data_type: check.id for check in undecided}
        for check in undecided:
            if check.id == newest[check.data_type]:
                await self._decide(check)
            else:
                await self._workers.table(self._checks.decide, check.id, "none", _LATER_ONE)
        for check in await self._workers.table(self._checks.unlaunched):
            await self._launch_for(check)

    async def _decide(self, check: DriftCheck) -> None:
        settings = self._settings()
        action, why = await self._workers.table(self._decision, check, settings)
        targets = [] if action == "none" else self._targets()
        if not await self._workers.table(self._checks.decide, check.id, action, why, targets):
            return
        if check.verdict == DRIFTED:
            reason = check.reasons[0] if check.reasons else ""
            logger.info("%s has drifted: %s; %s", check.version, reason, why)
        if targets:
            self._tell()

    def _decision(self, check: DriftCheck, settings: DriftSettings) -> tuple[Action, str]:
        """What is done about a check, and why."""
        if check.verdict != DRIFTED:
            return "none", ""
        if settings.on_drift == "none":
            return "none", "drift.on_drift says that nothing is done"
        found = self._checks.of_version(check.data_type, check.version, settings.in_a_row)
        in_a_row = next(
            (place for place, one in enumerate(found) if one.verdict != DRIFTED), len(found)
        )
        if in_a_row < settings.in_a_row:
            return "none", f"check {in_a_row} of {settings.in_a_row} in a row that finds drift"
        acted = self._checks.last_acted(check.data_type)
        if acted is not None:
            # A clock that was set back must not stretch it.
            left = settings.cooldown_hours * _HOUR - abs(time.time() - acted.at)
            if left > 0:
                return "none", (
                    f"{left / _HOUR:.1f} of {settings.cooldown_hours:g} hours are left since the "
                    "last time"
                )
        if settings.on_drift == "notify":
            return "notify", "those under notifications are told"
        going_on = self._going_on(check.data_type)
        if going_on is not None:
            return "none", f"run {going_on.id[:8]} of {going_on.flow} is going on"
        return "retrain", f"{_FLOW} is launched; its gate decides whether the new version serves"

    def _going_on(self, data_type: str) -> RunRecord | None:
        """A run that may put another version to service."""
        for run in self._table.unclosed():
            same = run.parameters.get("data_type", TIMESERIES) == data_type
            if run.flow in (_FLOW, "deploy_flow") and same and not run.is_final:
                return run
        return None

    async def _launch_for(self, check: DriftCheck) -> None:
        try:
            request = await self._workers.table(self._request, check)
            reply = await self._launch(request)
        except EngineError as error:
            logger.error("no training could be launched for drift: %s", error)
            why = f"{_FLOW} could not be launched: {error}"
            await self._workers.table(self._checks.could_not_launch, check.id, why)
            return
        await self._workers.table(self._checks.launched, check.id, reply.run.id)

    def _request(self, check: DriftCheck) -> LaunchRequest:
        """As the version was made, when one run made it; else as the configuration says."""
        overrides: tuple[str, ...] = ()
        flags: dict[str, Any] = (
            {} if check.data_type == TIMESERIES else {"data_type": check.data_type}
        )
        try:
            earlier = self._table.get(str(check.numbers.get("deployed_by_run", "")))
        except NotFoundError:
            earlier = None
        if earlier is not None and earlier.flow == _FLOW:
            given = earlier.request.get("overrides", ())
            # What a person once let through the gate by force is no word for the next version.
            overrides = tuple(one for one in given if not str(one).startswith(_FORCE))
            flags |= {k: v for k, v in earlier.request.get("flags", {}).items() if k not in _FORCED}
        reason = check.reasons[0] if check.reasons else "it has drifted"
        return LaunchRequest(
            flow=_FLOW,
            overrides=overrides,
            flags=flags,
            key=check.launch_key,
            origin=f"drift of {check.version}: {reason}"[:_LONGEST_ORIGIN],
            tags=(TAG,),
        )


_LATER_ONE = "a later check counts"


def _is_due(workspace: Workspace, pause: float) -> bool:
    checked = _modified(workspace.drift_lock)
    # A clock that was set back must not keep it from looking for long.
    if abs(time.time() - checked) < pause:
        return False
    rings = [*workspace.predictor.glob("*.jsonl")]
    if not rings:
        return False  # nothing was asked yet
    told = [workspace.actuals, workspace.actuals.with_name(workspace.actuals.name + "-wal")]
    return max(map(_modified, [*rings, *told, workspace.datasets])) > checked


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
