"""The tabs of a run: which there are, and their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.schema import RunDetail, RunInfo
from tui.paint import Line, clean
from tui.run.artifacts import artifacts_lines
from tui.run.curves import metrics_lines
from tui.run.facts import RunFacts
from tui.run.panes import LogPane, Pane, TextPane
from tui.run.params import params_lines
from tui.run.problem import problem_lines

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

# By name, with their titles; where there is room the first has a place of its own.
TABS = {
    "timeline": "Timeline",
    "logs": "Logs",
    "params": "Params",
    "metrics": "Metrics",
    "artifacts": "Artifacts",
    "error": "Error",
}


class Tabs:
    """What is shown in the tabs of one run, but the timeline.

    Attributes:
        log: The pane of the log.
    """

    def __init__(self, app: ControlCenter, facts: RunFacts) -> None:
        self._app = app
        self._facts = facts
        self.log = LogPane(facts.log)
        self._texts = {name: TextPane() for name in TABS if name not in ("timeline", "logs")}

    def pane(self, name: str) -> Pane:
        """What the keys move in a tab."""
        return self.log if name == "logs" else self._texts[name]

    def place(self, name: str) -> str:
        """Where one is in it."""
        return self.log.place() if name == "logs" else self._texts[name].place()

    def want(self, name: str, detail: RunDetail) -> None:
        """Fetch what a tab shows and what has changed; nothing of it waits."""
        if name in ("logs", "error"):
            self._facts.want_log(detail.run)
        elif name == "metrics":
            self._facts.want_curves(detail)
        elif name == "params":
            self._facts.want_config(detail)
        elif name == "artifacts":
            self._facts.want_files(detail)

    def lines(
        self, name: str, detail: RunDetail, bad_steps: list[str], width: int, height: int
    ) -> list[Line]:
        """The lines of a tab that are seen."""
        if name == "logs":
            return self.log.lines(width, height)
        pane = self._texts[name]
        common = (width, self._app.chosen_language)
        if name == "params":
            return self._params(pane, detail.run, common, height)
        if name == "metrics":
            return self._metrics(pane, common, height)
        if name == "artifacts":
            return self._artifacts(pane, detail, common, height)
        return self._error(pane, detail.run, bad_steps, common, height)

    def as_text(self, name: str) -> str:
        """All of a tab, for a file."""
        if name == "logs":
            return "\n".join(clean(line, 10**6) for line in self.log.shown()) + "\n"
        return self._texts[name].as_text() + "\n"

    def _params(
        self, pane: TextPane, run: RunInfo, common: tuple[int, str], height: int
    ) -> list[Line]:
        config = self._facts.config
        key = (common, run.id, config)
        return pane.lines(key, lambda: params_lines(self._app, run, config, common[0]), height)

    def _metrics(self, pane: TextPane, common: tuple[int, str], height: int) -> list[Line]:
        curves, ascii = self._facts.curves, self._app.painter.ascii
        key = (common, height, curves.revision, ascii)
        return pane.lines(
            key, lambda: metrics_lines(curves, common[0], height, ascii=ascii), height
        )

    def _artifacts(
        self, pane: TextPane, detail: RunDetail, common: tuple[int, str], height: int
    ) -> list[Line]:
        files = self._facts.files
        key = (common, detail.run.state, len(detail.outputs), files and tuple(files))
        return pane.lines(
            key,
            lambda: artifacts_lines(detail.outputs, files, detail.folder, common[0]),
            height,
        )

    def _error(
        self,
        pane: TextPane,
        run: RunInfo,
        bad_steps: list[str],
        common: tuple[int, str],
        height: int,
    ) -> list[Line]:
        log = self._facts.log
        known = log.lines if log.cursor is not None else None
        read = None if known is None else (len(known), log.dropped)
        key = (common, run.state, run.message, tuple(bad_steps), read)
        return pane.lines(key, lambda: problem_lines(run, bad_steps, known, common[0]), height)
