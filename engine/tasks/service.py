"""Whether the predictor answers with a version: its own word, asked for over its port."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx

from engine.errors import ModelError
from engine.processes import is_alive
from engine.workspace import Workspace
from models.data_types import TIMESERIES

_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.05
_TIMEOUT_SECONDS = 2.0


def wait_until_served(workspace: Workspace, version_id: str, data_type: str) -> list[str]:
    """Return when every worker of the predictor answers with a version.

    A worker that is away does not count: what it loads when it is back is verified by then too.

    Args:
        workspace: The workspace.
        version_id: The version.
        data_type: What it is for.

    Returns:
        Where it is answered, a URL a worker; none when no predictor runs.

    Raises:
        ModelError: A worker says that it cannot serve it, or goes on answering with another one.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    addresses = _addresses(workspace)
    # Plain HTTP on this machine: certificates are not read for it.
    with httpx.Client(trust_env=False, verify=False, timeout=_TIMEOUT_SECONDS) as client:
        while True:
            answering: list[str] = []
            others: dict[str, str] = {}
            for address in addresses:
                said = _health(client, address)
                if said is None:
                    continue
                if version_id in said["problem"]:
                    what = f"the predictor cannot serve it: {said['problem']}"
                    raise ModelError(what, where=address)
                # One that runs since before an upgrade serves nothing but series.
                models = said.get("models", {TIMESERIES: said["model_name"]})
                answers = models.get(data_type)
                if answers == version_id:
                    answering.append(address)
                else:
                    others[address] = answers or "nothing"
            if not others:
                return answering
            if time.monotonic() > deadline:
                address, name = next(iter(others.items()))
                raise ModelError(
                    f"the predictor still answers with {name} after {_PATIENCE_SECONDS:g} s",
                    where=address,
                    fix="See the file predictor/log in the workspace",
                )
            time.sleep(_POLL_SECONDS)


def _addresses(workspace: Workspace) -> list[str]:
    found = []
    for path in sorted(workspace.predictor.glob("worker-*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if is_alive(record["pid"], record["mark"]):
            found.append(f"http://{record['host']}:{record['port']}")
    return found


def _health(client: httpx.Client, address: str) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = client.get(f"{address}/health_check").json()
    except httpx.HTTPError:
        return None
    return said
