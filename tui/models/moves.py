"""Which version serves: promote and roll back, after asking, with a way back.

What is taken back is the move that was made here: where somebody else has moved the champion since
then, undoing would take back theirs, and is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import ConflictError
from tui.language import tr
from tui.models.facts import SERIES, moves_of
from tui.overlays.question import Question
from tui.verbs import spell

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


def promote(
    app: ControlCenter, version: str, done: Callable[[], None] | None = None, *, note: str = ""
) -> None:
    """Let a stored version serve, after asking; undo lets the one before serve again.

    Args:
        app: Where it is asked, done and said.
        version: Its id.
        done: Called when the champion has moved, here or back.
        note: What is to be known before one says yes, as a sentence.
    """
    text = " ".join(
        part for part in (tr("Let {version} serve from now on?", version=version), note) if part
    )
    _ask(app, text, ("models", "promote", version), done)


def rollback(
    app: ControlCenter,
    done: Callable[[], None] | None = None,
    *,
    previous: str = "",
    data_type: str = "",
) -> None:
    """Let the version that served before serve again, after asking; undo returns.

    Args:
        app: Where it is asked, done and said.
        done: Called when the champion has moved, here or back.
        previous: Which version that is, where it is known.
        data_type: Each has a champion of its own; "" where there is only one.
    """
    if previous:
        text = tr("Let {version}, which served before, serve again?", version=previous)
    else:
        text = tr("Let the version that served before serve again?")
    _ask(app, text, rollback_arguments(data_type), done)


def rollback_arguments(data_type: str) -> tuple[str, ...]:
    """The `engine` command that lets the previous version serve again; "": of the only kind."""
    of_type = ("--data-type", data_type) if data_type else ()
    return ("models", "rollback", *of_type)


def _ask(
    app: ControlCenter, text: str, arguments: tuple[str, ...], done: Callable[[], None] | None
) -> None:
    command = spell(arguments)

    async def work() -> str:
        champion, replaced = _outcome(await app.engine(*arguments))
        # What replaced nothing cannot be taken back.
        if replaced:
            take_back = partial(_take_back, app, champion, replaced, done)
            app.undo_stack.append((command, take_back))
        if done is not None:
            done()
        return tr("{version} serves", version=champion)

    app.open_overlay(Question(app, text, command, partial(app.act, command, work)))


def _take_back(
    app: ControlCenter, champion: str, replaced: str, done: Callable[[], None] | None
) -> None:
    arguments = ("models", "promote", replaced, "--reason", "undo")

    async def work() -> str:
        moves = moves_of(await app.engine("models", "log"))
        # Each data type has a champion of its own: what became of the others is not undone.
        ours = next((move.data_type for move in moves if move.champion == champion), SERIES)
        serving = next((move.champion for move in moves if move.data_type == ours), "")
        if serving != champion:
            raise ConflictError(
                f"somebody has moved the champion since then: {serving or 'none'} serves, "
                f"not {champion}",
                fix="Promote what shall serve",
            )
        await app.engine(*arguments)
        if done is not None:
            done()
        return tr("{version} serves again", version=replaced)

    app.act(spell(arguments), work)


def _outcome(state: Any) -> tuple[str, str]:
    """The champion, and the version that it replaced, "" for none."""
    told = state if isinstance(state, dict) else {}
    return str(told.get("champion") or ""), str(told.get("replaced") or "")
