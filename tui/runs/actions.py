"""What can be done to runs, on every screen that shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.schema import ChooseRequest, RunInfo, RunsReply
from engine.states import FINAL_STATES
from tui.language import tr
from tui.overlays.question import Question

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

# Where runs say that they were launched from.
ORIGIN = "terminal"


class RunActions:
    """Cancel, run again, delete, log. A view says which runs are chosen."""

    app: ControlCenter

    def chosen(self) -> list[RunInfo]:
        """The runs that an action means."""
        raise NotImplementedError

    def do_cancel(self) -> None:
        """Ask the chosen runs to stop; of several, after asking."""
        runs = [run for run in self.chosen() if run.state not in FINAL_STATES]
        if not runs:
            self.app.say(tr("nothing here runs or waits"), "warn")
            return
        command = f"engine cancel {_ids(runs)}"
        if len(runs) == 1:
            self._cancel(runs, command, hard=False)
            return
        text = tr("Cancel {count} runs?", count=len(runs))
        yes = partial(self._cancel, runs, command, hard=False)
        self.app.open_overlay(Question(self.app, text, command, yes))

    def do_kill(self) -> None:
        """End the chosen runs at once, after a word is typed: unwritten work is lost."""
        runs = [run for run in self.chosen() if run.state not in FINAL_STATES]
        if not runs:
            self.app.say(tr("nothing here runs or waits"), "warn")
            return
        command = f"engine cancel {_ids(runs)} --now"
        text = tr("Kill {names}? It gets no time to write its checkpoint.", names=_names(runs))
        yes = partial(self._cancel, runs, command, hard=True)
        self.app.open_overlay(Question(self.app, text, command, yes, word="kill"))

    def do_retry(self) -> None:
        """Run again what a run was asked to do."""
        runs = self.chosen()[:1]
        if not runs:
            return
        run = runs[0]

        async def again() -> str:
            from engine.client import calls

            reply = await self.app.link.send(calls.rerun(run.id, origin=ORIGIN))
            self.app.board.take_run(reply.run)
            return tr("started {flow} {name}", flow=reply.run.flow, name=reply.run.name)

        self.app.act(f"engine retry {run.id[:8]}", again)

    def do_rerun(self) -> None:
        """Open the form with the request of the run."""
        runs = self.chosen()[:1]
        if runs:
            self.app.open_form(runs[0].flow, runs[0].id)

    def do_log(self) -> None:
        """Go to the log."""
        runs = self.chosen()[:1]
        if runs:
            self.app.open_log(runs[0].id)

    def delete(self, runs: Sequence[RunInfo], done: Callable[[], None]) -> None:
        """Delete runs that have ended, after asking."""
        ended = [run for run in runs if run.state in FINAL_STATES]
        if not ended:
            self.app.say(tr("only runs that have ended can be deleted"), "warn")
            return
        command = f"engine delete {_ids(ended)}"
        text = tr("Delete {names} with log and results, for ever?", names=_names(ended))

        async def work() -> str:
            from engine.client import calls

            chosen = ChooseRequest(ids=tuple(run.id for run in ended))
            reply = await self.app.link.send(calls.delete(chosen))
            done()
            return _outcome(reply, tr("deleted"))

        yes = partial(self.app.act, command, work)
        self.app.open_overlay(Question(self.app, text, command, yes))

    def _cancel(self, runs: Sequence[RunInfo], command: str, *, hard: bool) -> None:
        async def work() -> str:
            from engine.client import calls

            chosen = ChooseRequest(ids=tuple(run.id for run in runs))
            reply = await self.app.link.send(calls.cancel_all(chosen, hard=hard))
            for run in reply.runs:
                self.app.board.take_run(run)
            return _outcome(reply, tr("cancelled"))

        self.app.act(command, work)


def _ids(runs: Sequence[RunInfo]) -> str:
    return " ".join(run.id[:8] for run in runs)


def _names(runs: Sequence[RunInfo]) -> str:
    if len(runs) > 3:
        return tr("{count} runs", count=len(runs))
    return ", ".join(f"{run.flow} {run.name}" for run in runs)


def _outcome(reply: RunsReply, done: str) -> str:
    """How many it was done to, and why not to the others."""
    refused = "; ".join(f"{run_id[:8]}: {why}" for run_id, why in reply.refused.items())
    said = f"{done}: {len(reply.runs)}" if reply.runs or not refused else ""
    return " · ".join(text for text in (said, refused) if text)
