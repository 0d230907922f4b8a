"""What the gate refuses, and who may deploy it all the same."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Engine

STRICT = "--set=deploy.gate.max_ratio_to_naive=0.001"
REASON = "the shop asked for it"


@pytest.mark.long
def test_what_the_gate_refuses_is_deployed_with_a_reason_that_is_kept(own_engine: Engine) -> None:
    quick = (*own_engine.sample_options, "--model-type=SeasonalNaive", STRICT)
    refused = own_engine.json("run", "full_flow", *quick, exit_code=4)
    assert "--force REASON" in refused["message"]

    empty = own_engine.json("run", "deploy_flow", STRICT, "--force", " ", exit_code=4)
    forced = own_engine.json("run", "deploy_flow", STRICT, "--force", REASON)

    assert "seasonal naive" in empty["message"]
    assert forced["outputs"]["forced"] == REASON
    newest = own_engine.json("models", "log")[0]
    assert newest["champion"] == forced["outputs"]["version"]
    assert newest["reason"] == f"forced: {REASON}"
    assert f"run {forced['id'][:8]}" in newest["who"]
    champion = own_engine.json("models", "show", "champion")
    assert champion["lineage"]["forced"] == REASON
    assert not all(check["passed"] for check in champion["lineage"]["gate"])
