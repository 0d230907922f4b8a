"""The user's editor: which one it is, and lending the terminal to it."""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from engine.errors import ConfigError, ConflictError, NotFoundError

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_FALLBACKS = ("nano", "vi")
# Those that take the line to begin at as +12.
_TAKE_A_LINE = {"vi", "vim", "nvim", "view", "nano", "emacs", "emacsclient", "micro", "kak", "joe"}


def editor_command(environment: Mapping[str, str], path: Path, line: int = 0) -> list[str]:
    """The command that edits a file: $VISUAL, $EDITOR, or else nano or vi.

    Args:
        environment: Where the variables are.
        path: The file.
        line: Where to begin, for editors that are known to understand it; 0: anywhere.

    Raises:
        ConfigError: The variable is not a command line.
        NotFoundError: There is no such editor, or none at all.
    """
    for name in ("VISUAL", "EDITOR"):
        chosen = environment.get(name, "").strip()
        if not chosen:
            continue
        try:
            words = shlex.split(chosen)
        except ValueError as error:
            raise ConfigError(
                f"cannot be read as a command: {error}", where=f"${name}", fix=f"Mend {chosen}"
            ) from error
        if shutil.which(words[0], path=environment.get("PATH")) is None:
            raise NotFoundError(
                f"there is no editor {words[0]}", where=f"${name}", fix="Set it to one that is"
            )
        return [*words, *_at_line(words[0], line), str(path)]
    for fallback in _FALLBACKS:
        found = shutil.which(fallback, path=environment.get("PATH"))
        if found is not None:
            return [found, *_at_line(fallback, line), str(path)]
    raise NotFoundError(
        "there is no editor: neither $VISUAL nor $EDITOR is set, and there is no nano and no vi",
        fix="Set EDITOR, or edit the file elsewhere and check it with v",
    )


def _at_line(editor: str, line: int) -> list[str]:
    return [f"+{line}"] if line > 0 and Path(editor).name in _TAKE_A_LINE else []


def run_editor(app: ControlCenter, command: Sequence[str]) -> int:
    """Lend the terminal to an editor until it ends.

    Meanwhile nothing is drawn here; what the engine does goes on, and is fetched afterwards.

    Returns:
        Its exit status.

    Raises:
        ConflictError: This terminal cannot be lent, such as a page in a browser.
    """
    if app.is_headless:
        return _run(command)  # no terminal to lend: a test, or a picture that is being made
    status = 0
    try:
        with app.suspend():
            status = _run(command)
    except SuspendNotSupported as error:
        raise ConflictError(
            "this terminal cannot be lent to an editor",
            where=command[-1],
            fix="Edit the file elsewhere and check it with v",
        ) from error
    app.redraw()
    return status


def _run(command: Sequence[str]) -> int:
    # Ctrl-C belongs to the editor. A handler that does nothing, unlike "ignore", is not inherited.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(command, check=False).returncode
    except OSError:
        return 127
    finally:
        signal.signal(signal.SIGINT, before)
