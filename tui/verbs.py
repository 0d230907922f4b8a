"""What the terminal lets the `engine` command do, in a process of its own: models, data, forecasts.

So the terminal stays small and fast, and what a screen does is exactly what the command does.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError, error_of_dict
from engine.workspace import ENVIRONMENT_VARIABLE, Workspace


@dataclass(frozen=True)
class Answer:
    """What a command came to.

    Attributes:
        code: Exit status; 0 when it was done.
        data: The JSON document that it printed, None if it printed none.
        said: What it wrote on stderr: errors, notes.
    """

    code: int
    data: Any
    said: str

    @property
    def problem(self) -> str:
        """Why it was not done, in words; "" when it was."""
        if self.code == 0:
            return ""
        told = self.data.get("error") if isinstance(self.data, dict) else None
        if isinstance(told, dict):
            # With --json, what is wrong is in the document too.
            parts = (told.get(name) for name in ("message", "where", "fix"))
            return ". ".join(str(part) for part in parts if part)
        return self.said.strip() or f"the command ended with exit status {self.code}"

    @property
    def error(self) -> EngineError | None:
        """Why it was not done, as the error that the command met; None when it was done."""
        if self.code == 0:
            return None
        if isinstance(self.data, dict) and isinstance(self.data.get("error"), dict):
            return error_of_dict(self.data["error"])
        return EngineError(" ".join(self.problem.removeprefix("error: ").split()))


def spell(arguments: Sequence[str]) -> str:
    """A command as one would type it."""
    return shlex.join(["engine", *arguments])


async def ask(workspace: Workspace, *arguments: str) -> Answer:
    """Run `engine ... --json` and return what it answers; ended with whoever waits for it."""
    begin = asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "engine",
        *arguments,
        "--json",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, ENVIRONMENT_VARIABLE: str(workspace.root), "NO_COLOR": "1"},
    )
    # Whoever waits may leave while it is being started: then too it must be there to be ended.
    begun = asyncio.ensure_future(begin)
    try:
        process = await asyncio.shield(begun)
        out, said = await process.communicate()
    except asyncio.CancelledError:
        process = await begun
        if process.returncode is None:
            process.terminate()
        # Its pipes belong to this event loop, which may be about to end.
        await process.communicate()
        raise
    text = out.decode(errors="replace")
    try:
        data = json.loads(text) if text.strip() else None
    except json.JSONDecodeError:
        return Answer(process.returncode or 1, None, said.decode(errors="replace") or text[:500])
    return Answer(process.returncode or 0, data, said.decode(errors="replace"))
