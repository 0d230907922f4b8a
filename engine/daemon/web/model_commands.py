"""Models on behalf of web clients: by the command line, so that this process stays small.

Looking at versions takes numpy, verifying one takes onnxruntime; neither belongs into the engine.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from engine.errors import EngineError, NotFoundError, ServerError, error_of_dict
from engine.ids import is_id
from engine.workspace import Workspace

_SECONDS = 60.0


async def list_versions(workspace: Workspace) -> Any:
    """All deployed versions, the newest first.

    Raises:
        EngineError: They cannot be listed.
    """
    return await _run(workspace)


async def promote(workspace: Workspace, version: str, reason: str) -> Any:
    """Let a version serve, after it has been verified; return where the aliases are.

    Raises:
        NotFoundError: There is none of this id.
        EngineError: It does not verify, or another change was faster.
    """
    # A name from outside never becomes an argument before it has the form of an id.
    if not is_id(version):
        raise NotFoundError(f"there is no version {version[:64]!r}")
    return await _run(workspace, "promote", version, f"--reason={reason}")


async def roll_back(workspace: Workspace, data_type: str | None, reason: str) -> Any:
    """Let the previous version serve again; return where the aliases are.

    Args:
        workspace: The workspace.
        data_type: Whose champion; None: of the only kind of data that has one, or of series.
        reason: Why.

    Raises:
        NotFoundError: There is no previous version.
    """
    whose = [] if data_type is None else [f"--data-type={data_type}"]
    return await _run(workspace, "rollback", *whose, f"--reason={reason}")


async def _run(workspace: Workspace, *arguments: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "engine", "models", *arguments),
        *("--json", "--workspace", str(workspace.root)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise ServerError(f"this took longer than {_SECONDS:g} s") from None
    try:
        told = json.loads(out)
    except ValueError:
        what = said.decode(errors="replace").strip()[-500:]
        raise EngineError(f"the models cannot be reached: {what}") from None
    if process.returncode and isinstance(told, dict) and "error" in told:
        raise error_of_dict(told["error"])
    return told
