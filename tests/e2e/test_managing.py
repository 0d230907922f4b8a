"""Retry, rerun, delete, retention: what can be done to runs that there are."""

from __future__ import annotations

import pytest

from engine.errors import NotFoundError
from tests.e2e.harness import Engine, Puppets


def test_a_retry_is_a_new_run_that_reads_the_configuration_anew(own_engine: Engine) -> None:
    failed = own_engine.json("run", "data_flow", "--data", "nothing.csv", exit_code=5)
    file = own_engine.workspace.configs / "data_flow_config.yaml"
    columns = "date_col: date, target_col: sales, series_col: product"
    file.write_text(f"flow_module: data_flow\ndataset: {{{columns}}}\n")
    try:
        changed = own_engine.json("rerun", failed["id"], "--data", str(own_engine.sample))
        again = own_engine.json("retry", failed["id"], exit_code=5)
    finally:
        file.unlink()

    assert changed["state"] == "COMPLETED"
    assert changed["rerun_of"] == again["rerun_of"] == failed["id"]
    assert again["message"] == failed["message"]
    assert len({failed["id"], changed["id"], again["id"]}) == 3


def test_a_rerun_keeps_what_was_asked_for_and_adds_what_is_new(own_engine: Engine) -> None:
    first = own_engine.json("run", "data_flow", *own_engine.sample_options)

    second = own_engine.json("rerun", first["id"], "--set=dataset.split.test_days=35")

    assert second["outputs"]["dataset"] != first["outputs"]["dataset"]
    request = own_engine.table.get(second["id"]).request
    assert request["overrides"][-1] == "dataset.split.test_days=35"
    assert request["flags"] == own_engine.table.get(first["id"]).request["flags"]


@pytest.mark.long
def test_a_deleted_run_is_gone_here_and_in_prefect(own_engine: Engine) -> None:
    old = own_engine.json("run", "data_flow", *own_engine.sample_options)
    new = own_engine.json("run", "data_flow", *own_engine.sample_options)
    prefect_id = own_engine.table.get(old["id"]).prefect_id
    assert prefect_id is not None

    deleted = own_engine.json("delete", old["id"])
    kept = own_engine.json("delete", new["id"], exit_code=8)

    assert [run["id"] for run in deleted["runs"]] == [old["id"]]
    assert not own_engine.workspace.run_folder(old["id"]).exists()
    assert own_engine.run("run", "show", old["id"]).returncode == 5
    with own_engine.prefect() as api, pytest.raises(NotFoundError):
        api.flow_run(prefect_id)
    assert "newest dataset" in kept["refused"][new["id"]]
    assert own_engine.json("delete", "--force", new["id"])["refused"] == {}


def test_a_run_that_goes_on_is_not_deleted(own_engine: Engine, own_puppet: Puppets) -> None:
    run_id = own_puppet("wait")

    refused = own_engine.json("delete", run_id, exit_code=8)

    assert refused == {"runs": [], "refused": {run_id: "it has not ended yet"}}
    assert own_engine.table.get(run_id).state == "RUNNING"


@pytest.mark.long
def test_many_runs_are_cancelled_at_once(own_engine: Engine, own_puppet: Puppets) -> None:
    run_ids = {own_puppet.launch("wait") for _ in range(6)}  # some run, the others wait

    cancelled = own_engine.json("cancel", "--flow=train_flow")

    assert {run["id"] for run in cancelled["runs"]} == run_ids
    assert {own_engine.wait_closed(run_id).state for run_id in run_ids} == {"CANCELLED"}
