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
            said = ": ".join(str(told[key]) for key in ("where", "message") if told.get(key))
            return f"{said}. {told['fix']}" if told.get("fix") else said
        return self.said.strip() or f"the command ended with exit status {self.code}"


def spell(arguments: Sequence[str]) -> str:
    """A command as one would type it."""
    return shlex.join(["engine", *arguments])


async def ask(workspace: Workspace, *arguments: str) -> Answer:
    """Run `engine ... --json` and return what it answers; ended with whoever waits for it."""
    process = await asyncio.create_subprocess_exec(
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
    try:
        out, said = await process.communicate()
    except asyncio.CancelledError:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        raise
    text = out.decode(errors="replace")
    try:
        data = json.loads(text) if text.strip() else None
    except json.JSONDecodeError:
        return Answer(process.returncode or 1, None, said.decode(errors="replace") or text[:500])
    return Answer(process.returncode or 0, data, said.decode(errors="replace"))
