"""What identifies things on both sides: registered models, aliases, the run of a version."""

from __future__ import annotations

import json

from engine.store import AliasState, Version


def model_name(beginning: str, data_type: str) -> str:
    """The registered model that the versions of a data type are in."""
    return f"{beginning}-{data_type}"


def fingerprint_of(state: AliasState) -> str:
    """What aliases look like, to be held against what was mirrored."""
    return json.dumps([state.champion, state.previous])


def training_run(version: Version) -> str | None:
    """The run of ours that trained a version, where it says so."""
    run = version.lineage.get("training", {}).get("run")
    return run if isinstance(run, str) else None
