"""A fuzzer holds the description of the interface against the interface."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.daemon.web.openapi import OPERATIONS
from engine.predictor.picture_routes import PICTURE_PATH, PICTURES_PATH
from engine.tokens import Tokens
from engine.workspace import Workspace
from tests.faults.predictor_process import predictor_process
from tests.unit.covariate_model import make_covariate_bundle
from tests.unit.deployments import deploy, make_bundle
from tests.unit.engine_thread import EngineThread, wait_until
from tests.unit.picture_bundles import colour_picture, deploy_pictures, make_picture_bundle, png

pytestmark = pytest.mark.long

HOOKS = Path(__file__).with_name("openapi_hooks.py")
FUZZER = Path(sys.executable).with_name("schemathesis")
PICTURES_LEFT_OUT = ("--exclude-path", PICTURE_PATH, "--exclude-path", PICTURES_PATH)


def fuzz(address: str, token: str, folder: Path, *options: str, examples: int) -> str:
    """Let the fuzzer try an interface; return what it said, when it found nothing."""
    done = subprocess.run(
        [
            *(FUZZER, "run", f"{address}/openapi.json"),
            *("--checks", "all", "--max-examples", str(examples), "--seed", "7", "--no-color"),
            *("--header", f"Authorization: Bearer {token}"),
            *options,
        ],
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("knows_covariates", [False, True])
def test_the_predictor_is_as_it_is_described(tmp_path: Path, knows_covariates: bool) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    if knows_covariates:
        bundle = make_covariate_bundle(tmp_path / "bundle")
    else:
        bundle = make_bundle(tmp_path / "bundle", window=30, calibrated=True)
    deploy(workspace, bundle)
    with predictor_process(workspace) as predictor:
        # That covariates are as long as the data, no schema can say.
        apart = ("--exclude-checks", "positive_data_acceptance") if knows_covariates else ()
        options = (*PICTURES_LEFT_OUT, *apart)
        said = fuzz(predictor.address, predictor.token, tmp_path, *options, examples=60)

        assert "6 selected / 8 total" in said
        assert predictor.model() is not None
        assert "Traceback" not in predictor.log()


def test_the_predictor_of_pictures_is_as_it_is_described(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    version = deploy_pictures(workspace, make_picture_bundle(tmp_path / "bundle"))
    with predictor_process(workspace) as predictor:
        said = fuzz(
            predictor.address,
            predictor.token,
            tmp_path,
            *("--include-path", PICTURE_PATH, "--include-path", PICTURES_PATH),
            # Which bytes are a picture, no schema can say.
            *("--exclude-checks", "positive_data_acceptance"),
            examples=60,
        )

        assert "2 selected / 8 total" in said
        answer = predictor.ask(
            "POST", PICTURE_PATH, files={"file": png(colour_picture("red", seed=9))}
        )
        assert (answer.json()["model_name"], answer.json()["prediction"]) == (version.id, "red")
        assert "Traceback" not in predictor.log()


def test_the_flow_api_is_as_it_is_described(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace").create()
    deploy(workspace, make_bundle(tmp_path / "bundle", window=30))
    (workspace.configs / "engine.yaml").write_text("flow_api: {port: 0}\n")
    with EngineThread(workspace, web=True) as thread:
        (service,) = (one for one in thread.engine.services if one.name == "flow_api")
        wait_until(lambda: bool(service.address))

        said = fuzz(
            service.address,
            Tokens(workspace).owner(),
            tmp_path,
            # The feed has no end. Which models, time zones and cron expressions there are, no
            # schema can say: what fits the schema may be refused all the same.
            *("--exclude-path", "/api/v1/events"),
            *("--exclude-checks", "positive_data_acceptance"),
            examples=20,
        )

    assert f"{len(OPERATIONS) - 1} selected / {len(OPERATIONS)} total" in said
