"""From a form to a run: one launch for one opening of a form, however often a key is pressed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.schema import LaunchReply
from tui.flows.launch_form import Request
from tui.language import tr
from tui.runs.actions import ORIGIN

if TYPE_CHECKING:
    from engine.client.calls import Call
    from tui.control_center import ControlCenter


class Launcher:
    """Sends requests, each under a key of its own.

    A request that failed is sent under the same key again: should the engine have taken it after
    all, that gives the run which there is.

    Attributes:
        is_under_way: Whether an answer is waited for.
    """

    def __init__(self, app: ControlCenter) -> None:
        self._app = app
        self._key = ""
        self._of: Request | None = None
        self.is_under_way = False

    def launch(self, request: Request, done: Callable[[LaunchReply], None]) -> None:
        """Launch; while an earlier launch is under way, nothing happens.

        Args:
            request: What is asked for.
            done: Called with the answer.
        """
        if self.is_under_way:
            return
        if request != self._of or not self._key:
            self._key, self._of = str(uuid.uuid4()), request
        self.is_under_way = True

        async def work() -> str:
            try:
                reply = await self._app.link.send(_call(request, self._key))
            finally:
                self.is_under_way = False
            self._key = ""
            self._app.board.take_run(reply.run)
            done(reply)
            return _said(reply)

        self._app.act(request.command(), work)


def _call(request: Request, key: str) -> Call[LaunchReply]:
    from engine.client import calls

    flags = dict(request.flags)
    if request.again:
        return calls.rerun(
            request.again,
            overrides=request.overrides,
            flags=flags,
            key=key,
            priority=request.priority,
            origin=ORIGIN,
            tags=request.tags,
        )
    return calls.launch(
        request.flow,
        overrides=request.overrides,
        flags=flags,
        key=key,
        priority=request.priority or 0,
        origin=ORIGIN,
        tags=request.tags or (),
    )


def _said(reply: LaunchReply) -> str:
    run = reply.run
    if reply.created:
        said = tr("started {flow} {name}", flow=run.flow, name=run.name)
    else:
        said = tr("{flow} {name} was launched already", flow=run.flow, name=run.name)
    return " · ".join([said, *reply.notes])


def prospect(app: ControlCenter, flow: str) -> tuple[str, str]:
    """What a launch would meet right now, and the style of that."""
    board = app.board
    if board.lost is not None:
        return tr("the engine does not answer; U starts it"), "bad"
    status = board.status
    if status is None:
        return tr("the engine is starting"), "warn"
    slow = next((c.name for c in status.children if c.state in ("starting", "restarting")), None)
    if slow is not None:
        return tr("begins when the {name} is ready", name=slow), "warn"
    if status.running >= status.max_concurrent:
        return (
            tr(
                "would wait: {running} of at most {most} run, {queued} wait",
                running=status.running,
                most=status.max_concurrent,
                queued=status.queued,
            ),
            "warn",
        )
    usual = board.usual_seconds(flow)
    if usual is None:
        return tr("begins at once"), "dim"
    from engine.charts.scales import format_duration

    return tr("begins at once, usually takes {time}", time=format_duration(usual)), "dim"
