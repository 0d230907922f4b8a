"""Prefect's and MLflow's tables in a real PostgreSQL server, which is killed, stopped, refilled."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine.data.sample import write_sample
from engine.database.address import DatabaseAddress, parse_address
from engine.database.postgres import prepared
from engine.database.problems import DatabaseError
from engine.prefect_server.connection import Connection
from engine.workspace import Workspace
from tests.e2e.harness import NOT_TRACKED, SETTINGS, Engine
from tests.services.postgres import PASSWORD, Postgres, needs_postgres, running_postgres

pytestmark = [pytest.mark.long, needs_postgres]

# Whatever it is worth, it is deployed: what is looked at is where it is written down.
GATE = "--set=deploy.gate.max_ratio_to_champion=100"
FULL_FLOW = ("run", "full_flow", "--model-type=SeasonalNaive", GATE)
SLOW_FLOW = ("run", "full_flow", "--model-type=LightGBM", GATE)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


def configure(workspace: Workspace, url: str, *, tracked: bool = False) -> None:
    settings = SETTINGS.replace(NOT_TRACKED, "") if tracked else SETTINGS
    (workspace.configs / "engine.yaml").write_text(f'{settings}\ndatabase: {{url: "{url}"}}\n')
    workspace.secrets.write_text(f"DB_PASSWORD={PASSWORD}\n")
    workspace.secrets.chmod(0o600)


def new_engine(folder: Path, url: str) -> Engine:
    workspace = Workspace(folder).create()
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=6, days=220)
    configure(workspace, url)
    return Engine(workspace, sample)


@pytest.fixture(scope="module")
def engine(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine whose Prefect server keeps its tables in PostgreSQL."""
    started = new_engine(tmp_path_factory.mktemp("workspace"), postgres.url())
    try:
        assert started.run("up").returncode == 0
        yield started
    finally:
        started.run("down", "--cancel-runs")


def address_of(postgres: Postgres, database: str = "mlops", **more: str) -> DatabaseAddress:
    return parse_address(postgres.url(database, **more), {"DB_PASSWORD": PASSWORD})


def status(engine: Engine) -> Any:
    return json.loads(engine.run("status", "--json").stdout)


def launch(engine: Engine, *options: str) -> str:
    flow = options or SLOW_FLOW
    return str(engine.json(*flow, *engine.sample_options, "--detach")["id"])


def test_a_full_flow_is_recorded_in_postgresql_and_nowhere_the_password(
    engine: Engine, postgres: Postgres
) -> None:
    run = engine.json(*FULL_FLOW, *engine.sample_options)

    assert run["state"] == "COMPLETED"
    state, below = engine.states_in_prefect(run["id"])
    assert (state, below) == ("COMPLETED", {"COMPLETED"})
    rows = "SELECT count(*) FROM prefect.flow_run WHERE state_type = 'COMPLETED'"
    assert int(postgres.sql(rows, "mlops")) >= 5
    assert not (engine.workspace.prefect_home / "prefect.db").exists()
    held = [
        path
        for path in engine.workspace.root.rglob("*")
        if path.is_file() and path != engine.workspace.secrets and PASSWORD in _text(path)
    ]
    assert held == []
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert PASSWORD not in lines.stdout
    assert PASSWORD not in json.dumps(engine.json("status"))


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def test_a_prefect_server_that_is_killed_costs_a_run_nothing(engine: Engine) -> None:
    run_id = launch(engine)
    engine.wait_until(lambda: engine.table.get(run_id).pid)
    connection = Connection.read(engine.workspace.prefect_home)
    assert connection is not None

    os.kill(connection.pid, signal.SIGKILL)

    engine.wait_until(lambda: engine.table.get(run_id).closed, seconds=120)
    assert engine.table.get(run_id).state == "COMPLETED"
    state, below = engine.states_in_prefect(run_id)
    assert (state, below) == ("COMPLETED", {"COMPLETED"})


def test_a_database_that_loses_its_power_in_the_middle_costs_a_run_nothing(
    engine: Engine, postgres: Postgres
) -> None:
    run_id = launch(engine)
    engine.wait_until(lambda: engine.table.get(run_id).pid)

    postgres.stop(signal.SIGQUIT)
    try:
        said = engine.wait_until(lambda: status(engine)["problems"])
        assert any("the database does not answer" in problem for problem in said), said
    finally:
        postgres.start()

    engine.wait_until(lambda: engine.table.get(run_id).closed, seconds=120)
    assert engine.table.get(run_id).state == "COMPLETED"
    state, below = engine.states_in_prefect(run_id)
    assert (state, below) == ("COMPLETED", {"COMPLETED"})
    engine.wait_until(lambda: status(engine)["problems"] == [])


def test_deleting_a_run_deletes_its_rows(engine: Engine, postgres: Postgres) -> None:
    run = engine.json(*FULL_FLOW, *engine.sample_options)
    prefect_id = engine.table.get(run["id"]).prefect_id
    rows = f"SELECT count(*) FROM prefect.flow_run WHERE id = '{prefect_id}'"
    assert postgres.sql(rows, "mlops") == "1"
    before = postgres.sql("SELECT count(*) FROM prefect.task_run", "mlops")

    engine.run("delete", run["id"], "--force", "--yes")

    assert postgres.sql(rows, "mlops") == "0"
    after = postgres.sql("SELECT count(*) FROM prefect.task_run", "mlops")
    assert int(after) < int(before)


MLFLOW_PROGRAM = """
import os
from mlflow.tracking import MlflowClient
url = os.environ["MLFLOW_TRACKING_URI"]
client = MlflowClient(tracking_uri=url, registry_uri=url)
run = client.create_run(client.create_experiment("demand"))
client.log_metric(run.info.run_id, "mase", 0.9)
client.create_registered_model("demand")
print(client.get_run(run.info.run_id).data.metrics)
"""


def test_mlflow_keeps_its_tables_beside_prefects(engine: Engine, postgres: Postgres) -> None:
    pytest.importorskip("psycopg2")
    done = subprocess.run(
        [sys.executable, "-c", MLFLOW_PROGRAM],
        env=os.environ | {"MLFLOW_TRACKING_URI": address_of(postgres).mlflow_url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "{'mase': 0.9}", done.stderr
    assert PASSWORD not in done.stderr
    mine = "SELECT count(*) FROM mlflow.metrics WHERE key = 'mase' AND value = 0.9"
    assert postgres.sql(mine, "mlops") == "1"
    revisions = "SELECT count(*) FROM {}.alembic_version"
    for schema in ("prefect", "mlflow"):
        assert postgres.sql(revisions.format(schema), "mlops") == "1"


def test_the_engine_mirrors_to_mlflow_in_the_same_database(
    engine: Engine, postgres: Postgres
) -> None:
    pytest.importorskip("psycopg2")
    run = engine.json(*FULL_FLOW, *engine.sample_options)
    configure(engine.workspace, postgres.url(), tracked=True)
    try:
        done = engine.run("mlflow", "sync")
        told = engine.run("mlflow", "status", "--json").stdout
    finally:
        configure(engine.workspace, postgres.url())

    assert done.returncode == 0, done
    query = f"SELECT count(*) FROM mlflow.tags WHERE value LIKE '%{run['id'][:8]}%'"
    assert int(postgres.sql(query, "mlops")) >= 1
    assert int(postgres.sql("SELECT count(*) FROM mlflow.model_versions", "mlops")) >= 1
    assert not engine.workspace.mlflow_database.exists()
    assert "schema mlflow" in told
    assert PASSWORD not in told


def test_a_backup_brings_back_what_both_knew(
    engine: Engine, postgres: Postgres, tmp_path: Path
) -> None:
    first = engine.json(*FULL_FLOW, *engine.sample_options)
    known = _rows(postgres)
    path = tmp_path / "backup.tar.gz"
    made = engine.json("db", "backup", str(path))
    later = engine.json(*FULL_FLOW, *engine.sample_options)
    assert _rows(postgres) > known

    done = engine.json("db", "restore", str(path), "--yes", "--stop")

    assert made["dump"]["extension"] == "prefect_extensions"
    assert set(done["schemas"]) >= {"prefect"}
    assert _rows(postgres) == known
    assert engine.run_ids() >= {first["id"]}
    assert later["id"] not in engine.run_ids()
    (kept,) = [name for name in done["kept_schemas"] if name.startswith("prefect_before")]
    count = f"SELECT count(*) FROM {kept}.flow_run"
    assert int(postgres.sql(count, "mlops")) > known
    # What was brought back is used as what was there before.
    again = engine.json(*FULL_FLOW, *engine.sample_options)
    assert engine.states_in_prefect(again["id"]) == ("COMPLETED", {"COMPLETED"})
    infos = {one["name"]: one for one in engine.json("db", "info")["databases"]}
    assert (infos["prefect"]["is_current"], infos["prefect"]["problem"]) == (True, "")


def _rows(postgres: Postgres) -> int:
    return int(postgres.sql("SELECT count(*) FROM prefect.flow_run", "mlops"))


def test_a_database_that_others_use_is_not_exchanged(
    engine: Engine, postgres: Postgres, tmp_path: Path
) -> None:
    path = tmp_path / "backup.tar.gz"
    engine.json("db", "backup", str(path))
    engine.run("down")
    known = _rows(postgres)

    async def scenario() -> Any:
        async with prepared(address_of(postgres)):
            return await asyncio.to_thread(
                engine.json, "db", "restore", str(path), "--yes", exit_code=8
            )

    answer = asyncio.run(scenario())

    assert "1 other connections of mlops use the database" in answer["error"]["message"]
    assert _rows(postgres) == known


def test_a_dump_that_fails_in_the_middle_leaves_everything_where_it_was(
    engine: Engine, postgres: Postgres, tmp_path: Path
) -> None:
    path = tmp_path / "backup.tar.gz"
    engine.json("db", "backup", str(path))
    engine.run("down")
    known, runs = _rows(postgres), engine.run_ids()
    # What the indexes of the dump need is not where they look for it.
    postgres.sql("ALTER EXTENSION pg_trgm SET SCHEMA public", "mlops")
    try:
        answer = engine.json("db", "restore", str(path), "--yes", exit_code=7)
    finally:
        postgres.sql("ALTER EXTENSION pg_trgm SET SCHEMA prefect_extensions", "mlops")

    assert "pg_trgm lies in the schema public" in answer["error"]["message"]
    assert (_rows(postgres), engine.run_ids()) == (known, runs)


def test_vacuum_gives_space_back(engine: Engine, postgres: Postgres) -> None:
    engine.json(*FULL_FLOW, *engine.sample_options)
    postgres.sql("DELETE FROM prefect.log; DELETE FROM prefect.artifact", "mlops")

    done = {one["name"]: one for one in engine.json("db", "vacuum")}

    assert done["prefect"]["after"] > 0
    seen = "SELECT count(*) FROM pg_stat_user_tables WHERE schemaname = 'prefect' AND {}"
    engine.wait_until(lambda: postgres.sql(seen.format("last_vacuum IS NULL"), "mlops") == "0")


def test_a_run_waits_for_a_database_that_is_not_up(postgres: Postgres, tmp_path: Path) -> None:
    postgres.new_database("late")
    engine = new_engine(tmp_path / "late", postgres.url("late"))
    postgres.stop()
    try:
        run_id = launch(engine, *FULL_FLOW)
        why = engine.wait_until(lambda: _waits_for_database(engine, run_id), seconds=60)
        assert "the database cannot be reached" in why
        assert PASSWORD not in why
        findings = {
            one["name"]: one for one in json.loads(engine.run("doctor", "--json").stdout)["checks"]
        }
        assert findings["postgresql"]["state"] == "error"
    finally:
        postgres.start()
        try:
            engine.wait_until(lambda: engine.table.get(run_id).closed, seconds=120)
            assert engine.table.get(run_id).state == "COMPLETED"
        finally:
            engine.run("down", "--cancel-runs")


def _waits_for_database(engine: Engine, run_id: str) -> str:
    waiting: str = engine.json("run", "show", run_id)["waiting"] or ""
    return waiting if "database" in waiting else ""


def test_the_runs_of_before_stay_when_the_tables_move(postgres: Postgres, tmp_path: Path) -> None:
    postgres.new_database("moved")
    engine = new_engine(tmp_path / "moved", "")
    try:
        old = engine.json(*FULL_FLOW, *engine.sample_options)
        timeline = engine.json("run", "show", old["id"])
        configure(engine.workspace, postgres.url("moved"))
        (said,) = engine.json("status", exit_code=1)["problems"]
        assert "the Prefect server still uses SQLite" in said

        engine.run("restart")

        assert engine.json("status")["problems"] == []
        assert engine.json("run", "show", old["id"]) == timeline
        new = engine.json(*FULL_FLOW, *engine.sample_options)
        assert {old["id"], new["id"]} <= engine.run_ids()
        assert postgres.sql("SELECT count(*) FROM prefect.flow_run", "moved") == "5"
        infos = {one["name"]: one for one in engine.json("db", "info")["databases"]}
        assert (infos["prefect.db"]["is_used"], infos["prefect"]["is_used"]) == (False, True)
        assert engine.run("delete", old["id"], "--yes").returncode == 0
    finally:
        engine.run("down", "--cancel-runs")


def test_two_that_start_at_once_on_an_empty_database_both_come_up(
    postgres: Postgres, tmp_path: Path
) -> None:
    """And what another program has in the schema that everybody sees is left alone."""
    postgres.new_database("shared")
    postgres.sql("CREATE TABLE alembic_version (version_num TEXT)", "shared")
    postgres.sql("INSERT INTO alembic_version VALUES ('of somebody else')", "shared")
    postgres.sql("GRANT ALL ON alembic_version TO PUBLIC; CREATE EXTENSION pg_trgm", "shared")
    engines = [new_engine(tmp_path / name, postgres.url("shared")) for name in ("a", "b")]
    try:
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda one: one.run("up"), engines))
        assert [one.returncode for one in done] == [0, 0], done
        with ThreadPoolExecutor() as pool:
            runs = list(pool.map(lambda one: one.json(*FULL_FLOW, *one.sample_options), engines))
        for engine, run in zip(engines, runs, strict=True):
            assert engine.states_in_prefect(run["id"]) == ("COMPLETED", {"COMPLETED"})
        found = postgres.sql("SELECT version_num FROM public.alembic_version", "shared")
        assert found == "of somebody else"
    finally:
        for engine in engines:
            engine.run("down", "--cancel-runs")


def refusal(address: DatabaseAddress) -> str:
    async def scenario() -> None:
        async with prepared(address):
            pass

    with pytest.raises(DatabaseError) as caught:
        asyncio.run(scenario())
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_what_keeps_a_database_from_being_used_is_told(postgres: Postgres) -> None:
    postgres.new_database("closed", owner="postgres")
    wrong = parse_address(postgres.url(), {"DB_PASSWORD": "wrong"})

    assert "refuses the password of mlops" in refusal(wrong)
    assert "createdb --owner=mlops nowhere" in refusal(address_of(postgres, "nowhere"))
    assert "GRANT CREATE ON DATABASE closed TO mlops" in refusal(address_of(postgres, "closed"))
    encrypted = parse_address(f"{postgres.url()}?sslmode=require", {"DB_PASSWORD": PASSWORD})
    assert "no encrypted connection" in refusal(encrypted)


def test_tables_of_a_newer_prefect_are_left_alone(postgres: Postgres) -> None:
    postgres.new_database("newer")
    address = address_of(postgres, "newer")

    async def scenario() -> None:
        async with prepared(address):
            pass

    asyncio.run(scenario())
    postgres.sql("INSERT INTO prefect.alembic_version VALUES ('abcdef123456')", "newer")

    assert "made by a newer version of it (revision abcdef123456)" in refusal(address)
