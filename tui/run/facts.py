"""What is fetched of one run beyond what the board knows, as it is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, NotFoundError
from engine.schema import RunDetail, RunInfo
from tui.run.artifacts import File, list_files
from tui.run.candidate import read_training
from tui.run.curves import Curves
from tui.run.params import read_config
from tui.run.timeline import RunTimeline

if TYPE_CHECKING:
    from engine.charts.rows import Ghost
    from tui.control_center import ControlCenter
    from tui.models.training import Training


class RunFacts:
    """Curves, configuration, files and predecessor of a run.

    Attributes:
        run_id: The run; as soon as it is known, its whole id.
        missing: Why there is no such run; "" while there may be.
        curves: What it measured.
        config: Its effective configuration, None while that is not known or written.
        files: The files in its folder, None while that was not looked into.
        training: How its candidate came to be, None where it left none.
        before: The completed run of the same flow before it, None while none is known.
        ghost: When each row of that one ended.
    """

    def __init__(self, app: ControlCenter, run_id: str) -> None:
        self._app = app
        self.run_id = run_id
        self.missing = ""
        self.curves = Curves()
        self.config: str | None = None
        self.files: list[File] | None = None
        self.training: Training | None = None
        self.before: RunInfo | None = None
        self.ghost: Ghost | None = None
        self._seen: dict[str, object] = {}
        self._failed: set[str] = set()

    # When to ask

    def want_detail(self) -> None:
        """Fetch the run, whatever is known of it."""
        self._app.link.look(f"run {self.run_id}", self._fetch_detail)

    def want_curves(self, detail: RunDetail) -> None:
        """Read the progress on when the run has gone on."""
        self._want("curves", detail, self._fetch_curves)

    def want_config(self, detail: RunDetail) -> None:
        """Read the configuration, which is written as the run is launched."""
        if self.config is None:
            self._want("config", detail.run.state, lambda: self._read_config(detail.folder))

    def want_files(self, detail: RunDetail) -> None:
        """Look into the folder, again when the run has ended."""
        self._want("files", detail.run.state, lambda: self._read_files(detail.folder))

    def want_ghost(self, run: RunInfo) -> None:
        """Fetch the completed run before this one."""
        self._want("ghost", run.id, lambda: self._fetch_ghost(run))

    def retry(self) -> None:
        """What could not be had may be asked for again."""
        for name in self._failed:
            self._seen.pop(name, None)
        self._failed.clear()

    def forget(self) -> None:
        """Everything is to be asked for again; what is known is shown meanwhile."""
        self._seen.clear()

    def _want(self, name: str, mark: object, fetch: Callable[[], Awaitable[None]]) -> None:
        """Fetch something unless it was fetched since it last changed, as a mark tells."""
        seen = self._seen.get(name)
        # Runs with thousands of steps are not held against each other value by value.
        if seen is not None and (seen is mark or (isinstance(mark, str) and seen == mark)):
            return

        async def work() -> None:
            self._seen[name] = mark
            try:
                await fetch()
            except EngineError:
                self._failed.add(name)
                raise

        self._app.link.look(f"{name} {self.run_id}", work)

    # Asking

    async def _fetch_detail(self) -> None:
        try:
            detail = await self._app.link.send(_calls().run(self.run_id))
        except NotFoundError as error:
            self.missing = error.what
            return
        self.missing = ""
        self.run_id = detail.run.id
        self._app.board.take_detail(detail)

    async def _fetch_curves(self) -> None:
        call = _calls().progress(self.run_id, self.curves.offset)
        reply = await self._app.link.send(call)
        self.curves.apply(reply.events, reply.offset)

    async def _read_config(self, folder: str) -> None:
        self.config = await asyncio.to_thread(read_config, folder)

    async def _read_files(self, folder: str) -> None:
        self.training = await asyncio.to_thread(read_training, folder)
        self.files = await asyncio.to_thread(list_files, folder)

    async def _fetch_ghost(self, run: RunInfo) -> None:
        call = _calls().runs(1, flow=run.flow, state="COMPLETED", before=run.created)
        found = (await self._app.link.send(call)).runs
        if not found:
            return
        detail = await self._app.link.send(_calls().run(found[0].id))
        self.ghost = await asyncio.to_thread(_ghost, detail, self._app.now())
        self.before = detail.run


def lay_out_behind(app: ControlCenter, timeline: RunTimeline, detail: RunDetail) -> None:
    """Lay a large run out in another thread, while keys are taken."""
    work = timeline.work(detail, app.now())

    async def lay() -> None:
        timeline.take(await asyncio.to_thread(work))

    app.link.look(f"layout {detail.run.id}", lay)


def _ghost(detail: RunDetail, now: float) -> Ghost:
    from engine.charts.rows import ghost_of
    from tui.run.layout import lay_out

    return ghost_of(lay_out(detail, now).timeline)


def _calls() -> Any:
    from engine.client import calls

    return calls
