"""A fuzzer holds the description of the interface against the interface."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.faults.predictor_process import predictor_process
from tests.unit.deployments import deploy, make_bundle

pytestmark = pytest.mark.long

HOOKS = Path(__file__).with_name("openapi_hooks.py")
FUZZER = Path(sys.executable).with_name("schemathesis")


def test_the_fuzzer_finds_nothing_that_the_description_does_not_say(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    deploy(workspace, make_bundle(tmp_path / "bundle", window=30))
    with predictor_process(workspace) as predictor:
        done = subprocess.run(
            [
                *(FUZZER, "run", f"{predictor.address}/openapi.json"),
                *("--checks", "all", "--max-examples", "60", "--seed", "7", "--no-color"),
                *("--header", f"Authorization: Bearer {predictor.token}"),
            ],
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "6 selected / 6 total" in done.stdout
        assert predictor.model() is not None
        assert "Traceback" not in predictor.log()
