"""The tabs of a run: which there are, and their lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.schema import RunDetail, RunInfo
from engine.states import FINAL_STATES
from tui.language import tr
from tui.logs.file import LogFile
from tui.logs.pane import LogPane
from tui.paint import Line, clip
from tui.run.artifacts import artifacts_lines
from tui.run.curves import metrics_lines
from tui.run.facts import RunFacts
from tui.run.panes import Pane, TextPane
from tui.run.params import params_lines
from tui.run.problem import problem_lines

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

# Where a traceback is looked for: a run that fails ends with it.
_LOG_LINES = 2000

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
        log: The pane of its log, None before the run is known.
    """

    def __init__(self, app: ControlCenter, facts: RunFacts) -> None:
        self._app = app
        self._facts = facts
        self.log: LogPane | None = None
        self._file: LogFile | None = None
        self._reads_log = False
        self._texts = {name: TextPane() for name in TABS if name not in ("timeline", "logs")}

    def pane(self, name: str) -> Pane | None:
        """What the keys move in a tab."""
        return self.log if name == "logs" else self._texts[name]

    def place(self, name: str) -> str:
        """Where one is in it."""
        if name == "logs":
            return self.log.title() if self.log is not None else ""
        return self._texts[name].place()

    def want(self, name: str, detail: RunDetail) -> None:
        """Fetch what a tab shows and what has changed; nothing of it waits."""
        self._see_log(detail.run, reads=name in ("logs", "error"))
        if name == "metrics":
            self._facts.want_curves(detail)
        elif name == "params":
            self._facts.want_config(detail)
        elif name == "artifacts":
            self._facts.want_files(detail)

    def leave(self) -> None:
        """Nobody looks: nothing is read on."""
        if self.log is not None and self._reads_log:
            self._reads_log = False
            self.log.leave()

    def _see_log(self, run: RunInfo, *, reads: bool) -> None:
        if self._file is None or self.log is None:
            file = LogFile(self._app.workspace.run_folder(run.id))
            self._file = file
            self.log = LogPane(self._app, file, is_live=lambda: not file.is_settled)
        ended = run.state in FINAL_STATES
        if self._file.ended != ended:
            self._file.ended = ended
            self.log.wake()
        if not reads:
            self.leave()
        elif not self._reads_log:
            self._reads_log = True
            self.log.enter()

    def lines(
        self, name: str, detail: RunDetail, bad_steps: list[str], width: int, height: int
    ) -> list[Line]:
        """The lines of a tab that are seen."""
        if name == "logs":
            return self._log_lines(detail.run, width, height)
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
            return "".join(f"{text}\n" for text in self.log.texts()) if self.log else ""
        return self._texts[name].as_text()

    def _log_lines(self, run: RunInfo, width: int, height: int) -> list[Line]:
        lines = self.log.lines(width, height) if self.log is not None else []
        if lines:
            return lines
        if self.log is None or not self.log.source.is_whole:
            text = tr("reading the log…")
        elif self.log.source.count:
            text = tr("no line fits the filter; esc takes it away")
        else:
            ended = run.state in FINAL_STATES
            text = tr("it wrote nothing") if ended else tr("nothing written yet")
        return [[], [(clip("  " + text, width), "dim")]]

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
        files, training = self._facts.files, self._facts.training
        key = (common, detail.run.state, len(detail.outputs), files and tuple(files))
        return pane.lines(
            key,
            lambda: artifacts_lines(detail.outputs, files, detail.folder, common[0], training),
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
        source = self.log.source if self.log is not None else None
        known = source is not None and source.is_whole and (source.count or self._is_read)
        read = source.count if known and source is not None else None
        key = (common, run.state, run.message, tuple(bad_steps), read)

        def make() -> list[Line]:
            log = None if read is None else self._end_of_log(read)
            return problem_lines(run, bad_steps, log, common[0])

        return pane.lines(key, make, height)

    @property
    def _is_read(self) -> bool:
        return self._file is not None and self._file.is_settled

    def _end_of_log(self, count: int) -> list[str]:
        assert self.log is not None
        first = max(0, count - _LOG_LINES)
        return [line.text for line in self.log.source.lines(first, _LOG_LINES)]
