"""Two machines that share their versions in an object store: a real server, real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.e2e.harness import SETTINGS, Engine
from tests.e2e.test_predictor import WITH_PREDICTOR, model_of, predictor, wait_until

pytestmark = pytest.mark.long

STORAGE = """
storage:
  url: s3://factory/models
  options: {{endpoint_url: "{address}", key: "${{KEY}}", secret: "${{SECRET}}"}}
"""


def share(workspace: Workspace, address: str, settings: str) -> None:
    (workspace.configs / "engine.yaml").write_text(settings + STORAGE.format(address=address))
    workspace.secrets.write_text("KEY=k\nSECRET=s\n")
    workspace.secrets.chmod(0o600)


def test_what_one_machine_deploys_another_one_can_serve(
    own_engine: Engine, s3_server: str, tmp_path: Path
) -> None:
    import s3fs

    s3fs.S3FileSystem(endpoint_url=s3_server, key="k", secret="s").mkdir("factory")
    other = Engine(Workspace(tmp_path / "other").create(), own_engine.sample)
    share(other.workspace, s3_server, WITH_PREDICTOR)
    try:
        share(own_engine.workspace, s3_server, SETTINGS)
        # Any model of the sample will do: what is looked at is where it goes.
        lenient = ("--model-type=SeasonalNaive", "--set=deploy.gate.max_ratio_to_champion=100")
        run = own_engine.json("run", "full_flow", *own_engine.sample_options, *lenient)
        version = run["outputs"]["version"]

        (listed,) = other.json("models")
        assert (listed["id"], listed["alias"]) == (version, None)
        other.run("up")
        other.json("models", "promote", version)

        address = predictor(other)["address"]
        assert wait_until(lambda: model_of(address) == version)
        assert [found["problem"] for found in other.json("models", "verify")] == [None]
    finally:
        (own_engine.workspace.configs / "engine.yaml").write_text(SETTINGS)
        other.run("down")
