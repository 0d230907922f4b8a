"""Editing a settings file: a draft in the user's editor, checked before it takes the file's place.

Whatever happens in between, the file is what it was or what was checked, and no draft is lost.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConflictError, EngineError
from tui import verbs
from tui.data import drafts
from tui.data.drafts import Draft
from tui.data.editor import editor_command, run_editor
from tui.language import tr
from tui.overlays.findings import Findings
from tui.overlays.menu import Choice
from tui.paint import Line, clip, wrap
from tui.states import ago

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_DIFF_LINES = 400


@dataclass(frozen=True)
class Target:
    """What is to be edited.

    Attributes:
        name: The settings file.
        new: What it begins with if it is not there yet.
        line: Where to begin in it; 0: anywhere.
    """

    name: str
    new: bytes
    line: int = 0


class ConfigEditor:
    """Takes a file through editor, check and replacement.

    Args:
        app: The application.
        done: Called when a file has changed.
    """

    def __init__(self, app: ControlCenter, done: Callable[[], None]) -> None:
        self._app = app
        self._done = done
        self._draft: Draft | None = None

    @property
    def configs(self) -> Path:
        """The workspace's folder of settings."""
        return self._app.workspace.configs

    def sweep(self) -> list[Draft]:
        """Remove old drafts that nobody edits; returns the young ones."""
        return drafts.sweep(self.configs, self._app.now(), self._draft)

    def edit(self, target: Target) -> None:
        """Edit a file, or go on with a draft of it that was left."""
        left = [draft for draft in self.sweep() if draft.target.name == target.name]
        if left:
            self._offer(left[0], target)
        else:
            self._begin(target)

    def _offer(self, draft: Draft, target: Target) -> None:
        age = ago(self._app.now() - draft.changed)
        choices = [
            Choice(tr("go on with the draft"), "", partial(self._resume, draft), "g"),
            Choice(tr("begin anew; the draft stays"), "", partial(self._begin, target), "b"),
            Choice(tr("throw it away, begin anew"), "", partial(self._anew, draft, target), "x"),
        ]
        said = tr("A draft of {file} was left, last written {when}.", file=target.name, when=age)

        def lines(width: int) -> list[Line]:
            told: list[Line] = [[(text, "")] for text in wrap(said, width)]
            return [*told, [(clip(draft.path, width), "dim")], [], *_difference(draft, width)]

        self._app.open_overlay(Findings(self._app, tr("A draft"), lines, choices, _nothing))

    def _anew(self, draft: Draft, target: Target) -> None:
        drafts.discard(draft)
        self._begin(target)

    def _begin(self, target: Target) -> None:
        def work() -> None:
            draft = drafts.begin(self.configs, target.name, target.new)
            self._open(draft, target.line, fresh=True)

        self._try(work)

    def _resume(self, draft: Draft) -> None:
        self._try(lambda: self._open(drafts.take_over(draft)))

    def _again(self, draft: Draft) -> None:
        self._try(lambda: self._open(draft))

    def _rebase(self, draft: Draft) -> None:
        self._try(lambda: self._open(drafts.rebase(draft)))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except EngineError as error:
            self._app.say(str(error), "bad")

    def _open(self, draft: Draft, line: int = 0, *, fresh: bool = False) -> None:
        """Run the editor; what it left is then examined.

        Args:
            draft: What is edited.
            line: Where to begin.
            fresh: Nobody has written in the draft yet, so that it may go when nobody does.
        """
        before = drafts.content_of(draft.path)
        self._draft = draft
        try:
            command = editor_command(os.environ, draft.path, line)
            status = run_editor(self._app, command)
        except EngineError:
            if fresh:
                drafts.discard(draft)
            raise
        finally:
            self._draft = None
        self._app.note_command(f"$EDITOR {draft.target}")
        after = drafts.content_of(draft.path)
        untouched = fresh and after == before
        if untouched or after is None:
            drafts.discard(draft)
        if status != 0:
            kept = "" if untouched else tr("The draft is kept: E goes on with it.")
            said = tr("the editor ended with status {status}: nothing is changed.", status=status)
            self._app.say(f"{said} {kept}", "warn")
        elif untouched or after is None:
            self._app.say(tr("nothing was changed in {file}", file=draft.target.name), "dim")
        else:
            self._examine(draft)

    def _examine(self, draft: Draft) -> None:
        """Check a draft, then put it in place or show what is wrong."""
        name = draft.target.name
        arguments = ("config", "check", "--file", str(draft.path), "--as", name)
        self._draft = draft

        async def examine() -> str:
            try:
                problems = await self._problems_of(draft, arguments)
            except EngineError as error:
                kept = tr("The draft is kept: E goes on with it.")
                raise EngineError(str(error), fix=kept) from error
            finally:
                self._draft = None
            if problems:
                self._show_problems(draft, problems)
                return tr("problems: {count}; nothing is changed yet", count=len(problems))
            return self._put_in_place(draft)

        self._app.act(f"engine config check --file {draft.path.name} --as {name}", examine)

    async def _problems_of(self, draft: Draft, arguments: tuple[str, ...]) -> list[Any]:
        """What a draft makes wrong; what other files have wrong without it is not its fault."""
        problems = await self._check(*arguments)
        others = [one for one in problems if one.get("file") != str(draft.target)]
        if not others:
            return problems
        before = {one.get("text") for one in await self._check("config", "check")}
        return [one for one in problems if one not in others or one.get("text") not in before]

    async def _check(self, *arguments: str) -> list[dict[str, Any]]:
        answer = await verbs.ask(self._app.workspace, *arguments)
        found = answer.data if isinstance(answer.data, dict) else {}
        problems = found.get("problems")
        if not isinstance(problems, list):
            raise EngineError(answer.problem)
        return problems

    def _put_in_place(self, draft: Draft) -> str:
        written = drafts.content_of(draft.path)
        try:
            before = drafts.publish(draft)
        except ConflictError:
            self._show_conflict(draft)
            return tr("somebody else has changed {file}: nothing is overwritten", file=draft.target)
        assert written is not None  # publish has read it
        undo = partial(self._undo, draft.target, before, written)
        self._app.undo_stack.append((tr("the change of {file}", file=draft.target.name), undo))
        self._done()
        return tr("{file} is changed; u takes it back", file=draft.target.name)

    def _undo(self, target: Path, before: bytes | None, written: bytes) -> None:
        def work() -> None:
            drafts.put_back(target, before, written)
            gone = tr("{file} is removed again", file=target.name)
            as_was = tr("{file} is as it was before", file=target.name)
            self._app.note_command(f"$EDITOR {target}", gone if before is None else as_was)
            self._app.say(gone if before is None else as_was)
            self._done()

        self._try(work)

    def _show_problems(self, draft: Draft, problems: list[Any]) -> None:
        def lines(width: int) -> list[Line]:
            return problem_lines(problems, width)

        choices = [
            Choice(tr("edit again"), "", partial(self._again, draft), "e"),
            Choice(tr("throw the draft away"), "", partial(self._discard, draft), "x"),
            Choice(tr("keep the draft"), "", partial(self._keep, draft), "esc"),
        ]
        title = tr("{file} would not be right", file=draft.target.name)
        keep = partial(self._keep, draft)
        self._app.open_overlay(Findings(self._app, title, lines, choices, keep))

    def _show_conflict(self, draft: Draft) -> None:
        said = tr(
            "{file} was changed by somebody else while you edited it. Nothing is overwritten; "
            "this is how your draft differs from what it holds now:",
            file=draft.target.name,
        )

        def lines(width: int) -> list[Line]:
            told: list[Line] = [[(text, "warn")] for text in wrap(said, width)]
            return [*told, [], *_difference(draft, width)]

        choices = [
            Choice(tr("edit the draft against it"), "", partial(self._rebase, draft), "e"),
            Choice(tr("throw the draft away"), "", partial(self._discard, draft), "x"),
            Choice(tr("keep the draft"), "", partial(self._keep, draft), "esc"),
        ]
        keep = partial(self._keep, draft)
        self._app.open_overlay(Findings(self._app, tr("Changed meanwhile"), lines, choices, keep))

    def _discard(self, draft: Draft) -> None:
        drafts.discard(draft)
        self._app.say(tr("the draft is gone; {file} is as it was", file=draft.target.name), "dim")

    def _keep(self, draft: Draft) -> None:
        said = tr("the draft is kept for a day; E goes on with it: {path}", path=draft.path)
        self._app.say(said, "dim")


def problem_lines(problems: list[Any], width: int) -> list[Line]:
    """What a check found: place, key, what is wrong, and what to do."""
    lines: list[Line] = []
    for problem in problems:
        if not isinstance(problem, dict):
            continue
        place = Path(str(problem.get("file") or "")).name
        where = f"{place}:{problem.get('line')}:{problem.get('column')}" if place else ""
        head = where or str(problem.get("where") or "")
        lines.append(
            [
                ("✗ ", "bad"),
                (clip(head, width // 2), "accent"),
                ("  " if head else "", ""),
                (clip(problem.get("key") or "", max(4, width - width // 2 - 6)), "strong"),
            ]
        )
        lines += [[("  ", ""), (t, "")] for t in wrap(problem.get("message") or "", width - 2)]
        fix = str(problem.get("fix") or "")
        lines += [[("  ", ""), (text, "good")] for text in wrap(fix, width - 2) if text]
        lines.append([])
    return lines[:-1]


def _difference(draft: Draft, width: int) -> list[Line]:
    try:
        now, mine = drafts.content_of(draft.target), drafts.content_of(draft.path)
    except EngineError as error:
        return [[(clip(error, width), "bad")]]
    names = (draft.target.name, tr("the draft"))
    old, new = (_text_lines(content) for content in (now, mine))
    lines: list[Line] = []
    for text in difflib.unified_diff(old, new, *names, n=2, lineterm=""):
        head = text.startswith(("---", "+++", "@@"))
        style = "dim" if head else {"+": "good", "-": "bad"}.get(text[:1], "")
        lines.append([(clip(text, width), style)])
        if len(lines) >= _DIFF_LINES:
            break
    return lines or [[(tr("no difference"), "dim")]]


def _text_lines(content: bytes | None) -> list[str]:
    return (content or b"").decode(errors="replace").splitlines()


def _nothing() -> None:
    """Nothing happens when the box is closed."""
