"""From what somebody asked for to the complete settings of a run, as text.

Settings may name files of the user's own code (`model.plugins`), which must be imported to know
whether the rest is right. In a process that lives long that would be the code of yesterday, and an
endless loop in it would be the end of everything: then a new interpreter does it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.config.dump import dump_settings
from engine.config.loading import load_settings, names_plugins
from engine.errors import ConfigError, EngineError, error_of_dict
from models.data_types import TIMESERIES

_APART_SECONDS = 60.0
_LINES_SHOWN = 15
_TRAINING = frozenset({"train_flow", "full_flow"})


@dataclass(frozen=True)
class Resolved:
    """The settings of a run.

    Attributes:
        document: Complete and checked, as YAML with the origin of each value.
        parameters: What a list of runs shows of them.
        notes: What the user should know although nothing is wrong.
    """

    document: str
    parameters: dict[str, Any]
    notes: tuple[str, ...]


def resolve(
    flow: str, *, workspace_configs: Path, overrides: Sequence[str], flags: Mapping[str, Any]
) -> Resolved:
    """Resolve and check the settings of a run.

    Raises:
        ConfigError: With every problem that was found.
    """
    request: dict[str, Any] = {
        "workspace_configs": workspace_configs,
        "overrides": overrides,
        "flags": flags,
    }
    if names_plugins(flow, **request):
        return _resolve_apart(
            {**request, "flow": flow, "workspace_configs": str(workspace_configs)}
        )
    return _resolve_here(flow, **request)


def _resolve_here(flow: str, **request: Any) -> Resolved:
    loaded = load_settings(flow, **request)
    settings = loaded.settings
    # The whole configuration is in the run's folder; this is what tells runs of a flow apart.
    shown = {"model_type": settings.model.model_type} if flow in _TRAINING else {}
    if settings.data_type != TIMESERIES:
        shown["data_type"] = settings.data_type
    return Resolved(dump_settings(loaded), shown, tuple(loaded.notes))


def _resolve_apart(request: dict[str, Any]) -> Resolved:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "engine.config.resolve"],
            input=json.dumps({**request, "overrides": list(request["overrides"])}),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_APART_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"the files in model.plugins were not imported within {_APART_SECONDS:g} s",
            fix="What they do at import must end",
        ) from None
    if done.returncode or not done.stdout:
        said = "\n".join(done.stderr.splitlines()[-_LINES_SHOWN:])
        raise ConfigError(
            "the files in model.plugins ended the process that imported them (exit status "
            f"{done.returncode}){':' if said else ''}\n{said}".rstrip(),
        )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise error_of_dict(answer["error"])
    return Resolved(answer["document"], answer["parameters"], tuple(answer["notes"]))


def main() -> int:
    """Answer one request from the standard input on the standard output, as JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the user's files print is no answer
    request = json.load(sys.stdin)
    flow = request.pop("flow")
    request["workspace_configs"] = Path(request["workspace_configs"])
    try:
        answer: dict[str, Any] = asdict(_resolve_here(flow, **request))
    except EngineError as error:
        answer = {"error": error.to_dict()}
    json.dump(answer, answers)
    answers.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
