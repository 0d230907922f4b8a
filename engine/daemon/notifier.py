"""Telling people of runs that ended badly, and of versions that have drifted.

It is tried until it is delivered or clearly cannot be.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from engine.config.engine_settings import NotificationSettings
from engine.daemon.workers import Workers
from engine.errors import ConfigError, EngineError, NotFoundError
from engine.masking import Masker
from engine.notify import apprise_process, webhook
from engine.notify.message import Said, label_of, said_of_drift, said_of_run
from engine.schema import NotificationInfo
from engine.secrets_file import expand, read_secrets, values_of
from engine.tables.drift_checks import DriftChecks
from engine.tables.notifications import NotificationRecord, Outbox
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace

logger = logging.getLogger(__name__)

_PAUSES_SECONDS = (5.0, 30.0, 300.0, 1800.0, 7200.0)
_LONGEST_SLEEP_SECONDS = 60.0
_SHOWN = 100


class Notifier:
    """Puts messages into the outbox and delivers them.

    Args:
        workspace: Where secrets are.
        table: The runs.
        settings: Whom to tell of what, as of now.
        workers: Threads to wait in.
    """

    def __init__(
        self,
        workspace: Workspace,
        table: RunTable,
        settings: Callable[[], NotificationSettings],
        workers: Workers,
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._settings = settings
        self._workers = workers
        self._outbox = Outbox(workspace.database)
        self._checks = DriftChecks(workspace.database)
        self._wake = asyncio.Event()
        self._wake.set()

    def wake(self) -> None:
        """A run has ended, or there is something about drift."""
        self._wake.set()

    async def deliver(self) -> None:
        """Decide about ended runs and deliver what is due, until cancelled."""
        while True:
            pause = _LONGEST_SLEEP_SECONDS
            try:
                await self._decide()
                pause = await self._deliver_due()
            except EngineError as error:
                logger.error("notifications cannot be worked on: %s", error)
            # Not wait_for, which may lose a cancellation that arrives together with the wake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            self._wake.clear()

    async def newest(self) -> list[NotificationInfo]:
        """The newest messages, delivered or not."""
        found = await self._workers.table(self._outbox.newest, _SHOWN)
        return [_info(message) for message in found]

    async def test(self) -> list[NotificationInfo]:
        """Send a test message to every target at once, and say how each went."""
        now = time.time()
        run = _example(now)
        results = []
        for target in self.targets():
            problem = await self._try(target, self._of_run(run))
            results.append(
                NotificationInfo(
                    run_id=run.id,
                    target=_shown(target),
                    created=now,
                    attempts=1,
                    delivered=None if problem else time.time(),
                    problem=problem,
                )
            )
        return results

    def targets(self) -> list[str]:
        """Whom to tell, as of now: as the outbox has them."""
        settings = self._settings()
        return [
            *(f"webhook {address}" for address in settings.webhooks),
            *(f"apprise {address}" for address in settings.apprise),
        ]

    async def _decide(self) -> None:
        for run in await self._workers.table(self._table.unannounced):
            wanted = run.state in self._settings().states
            targets = self.targets() if wanted else []
            await self._workers.table(self._outbox.put, run.id, targets)

    async def _deliver_due(self) -> float:
        """Try what is due; return how long until there is something again."""
        for message in await self._workers.table(self._outbox.due, time.time()):
            said = await self._workers.table(self._said, message)
            if said is None:
                continue  # deleted meanwhile, and its messages with it
            problem = await self._try(message.target, said)
            if not problem:
                await self._workers.table(self._outbox.delivered, message)
                continue
            left = _PAUSES_SECONDS[message.attempts : message.attempts + 1]
            again = time.time() + left[0] if left else None
            logger.warning("%s: %s", _shown(message.target), problem)
            await self._workers.table(self._outbox.failed, message, problem, again)
        due = await self._workers.table(self._outbox.next_try)
        if due is None:
            return _LONGEST_SLEEP_SECONDS
        return min(max(due - time.time(), 0.0), _LONGEST_SLEEP_SECONDS)

    def _said(self, message: NotificationRecord) -> Said | None:
        """What a message says; None when what it is about is gone."""
        if message.check_id is not None:
            check = self._checks.get(message.check_id)
            return None if check is None else said_of_drift(check, str(self._workspace.root))
        try:
            return self._of_run(self._table.get(message.run_id))
        except NotFoundError:
            return None

    def _of_run(self, run: RunRecord) -> Said:
        return said_of_run(run, str(self._workspace.root))

    async def _try(self, target: str, said: Said) -> str:
        """Try to deliver; return what went wrong, "" when nothing did."""
        used: dict[str, str] = {}
        try:
            known = await self._workers.table(read_secrets, self._workspace.secrets)
            used = values_of(target, known)
            await asyncio.to_thread(self._send, target, said, used)
        except EngineError as error:
            return Masker(used.values()).mask(str(error))
        return ""

    def _send(self, target: str, said: Said, values: dict[str, str]) -> None:
        kind, _, address = target.partition(" ")
        url = expand(address, values)
        if kind == "webhook":
            webhook.post(url, said.payload, allowed_hosts=self._settings().allowed_hosts)
        elif kind == "apprise":
            apprise_process.send(url, said.title, said.body or said.title)
        else:
            raise ConfigError(f"there is no way of telling called {kind!r}")


def _info(message: NotificationRecord) -> NotificationInfo:
    return NotificationInfo(
        run_id=message.run_id,
        check_id=message.check_id,
        target=_shown(message.target),
        created=message.created,
        attempts=message.attempts,
        delivered=message.delivered,
        problem=message.problem,
    )


def _shown(target: str) -> str:
    kind, _, address = target.partition(" ")
    return f"{kind} {label_of(address)}"


def _example(now: float) -> RunRecord:
    return RunRecord(
        id="00000000-0000-0000-0000-000000000000",
        flow="full_flow",
        name="test-message",
        state="FAILED",
        message="This is a test: no run has failed.",
        created=now,
        started=now,
        ended=now,
        pid=None,
        pid_mark=None,
        cancel_requested=False,
        error_kind="",
        closed=True,
        parameters={},
        prefect_id=None,
        attempt=0,
        launch_key=None,
        priority=0,
        origin="test",
        rerun_of=None,
        request={},
        cancel_asked=None,
        cpu_seconds=None,
        peak_bytes=None,
        notified=True,
    )
