"""`engine runs` and `engine run show`."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.cli import runs as runs_module
from engine.runs.log import LOG_FILE
from engine.runs.progress import ProgressWriter
from engine.tables.engine_database import EngineDatabase
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import RUN_ID, add_ended_run, add_run
from tests.unit.engine_thread import EngineThread, process_of_a_run


@pytest.mark.usefixtures("light_engine")
def test_an_empty_workspace_has_no_runs_and_says_how_to_start_one(command: EngineCommand) -> None:
    answer = command("runs")

    assert answer.code == 0
    assert "engine run full_flow" in answer.out
    assert command("runs", "--json").json == []


def test_looking_at_runs_starts_nothing_that_only_runs_need(
    command: EngineCommand, table: RunTable, workspace: Workspace, light_engine: EngineThread
) -> None:
    add_ended_run(table, workspace)

    for line in (["runs"], ["run", "show", "3f2a"], ["logs", "3f2a"], ["watch", "3f2a"]):
        command(*line)

    assert light_engine.engine.warmed == 0


ABOUT_ONE_RUN = [["logs"], ["run", "show"], ["watch"], ["retry"], ["rerun"]]


@pytest.mark.parametrize("line", ABOUT_ONE_RUN, ids=" ".join)
@pytest.mark.parametrize("run_id", ["%", "../x", "", "A B", "x" * 65])
def test_what_is_no_id_is_not_found_and_no_engine_is_asked(
    command: EngineCommand, line: list[str], run_id: str
) -> None:
    answer = command(*line, run_id)

    assert answer.code == 5
    assert answer.err == f"error: there is no run {run_id!r}. `engine runs` lists them\n"


@pytest.mark.usefixtures("light_engine")
def test_a_run_that_does_not_exist_is_not_found(command: EngineCommand) -> None:
    for line in ABOUT_ONE_RUN:
        answer = command(*line, "nope")

        assert answer.code == 5
        assert answer.err == "error: there is no run 'nope'. `engine runs` lists them\n"


@pytest.mark.usefixtures("light_engine")
def test_the_beginning_of_several_ids_names_them(command: EngineCommand, table: RunTable) -> None:
    for run_id in ("ab1", "ab2"):
        add_run(table, run_id)

    answer = command("run", "show", "ab", "--json")

    assert answer.code == 5
    assert answer.json["error"]["kind"] == "NotFoundError"
    assert answer.json["error"]["message"] == "'ab' is the beginning of several runs: ab2, ab1"


@pytest.mark.usefixtures("light_engine")
def test_the_list_has_a_line_for_each_run(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_ended_run(table, workspace)

    heading, line = command("runs").out.splitlines()

    assert heading.split() == ["id", "flow", "name", "model", "state", "started", "took"]
    assert line.split()[:5] == ["3f2a77c1", "data_flow", "bold-otter", "LSTM", "FAILED"]


@pytest.mark.usefixtures("light_engine")
def test_the_list_as_json_says_everything_that_the_table_knows(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_ended_run(table, workspace)
    add_run(table, "b1", "train_flow", priority=7, origin="a test", rerun_of=RUN_ID)

    waiting, failed = command("runs", "--json").json

    assert (failed["id"], failed["state"], failed["exit_code"]) == (RUN_ID, "FAILED", 3)
    assert (failed["message"], failed["error_kind"]) == ("ledger.csv:7: no date", "DataError")
    assert failed["created"] <= failed["started"] <= failed["ended"]
    assert failed["parameters"] == {"model_type": "LSTM"}
    assert (failed["waiting"], failed["rerun_of"]) == (None, None)
    assert (waiting["priority"], waiting["origin"], waiting["rerun_of"]) == (7, "a test", RUN_ID)
    assert (waiting["started"], waiting["ended"], waiting["error_kind"]) == (None, None, None)
    assert "exit_code" not in waiting


@pytest.mark.usefixtures("light_engine")
def test_the_list_can_be_narrowed(command: EngineCommand, table: RunTable) -> None:
    add_run(table, RUN_ID, "data_flow", state="FAILED")
    add_run(table, "b1", "train_flow", state="COMPLETED")
    add_run(table, "b2", "train_flow")

    def ids(*options: str) -> list[str]:
        return [run["id"] for run in command("runs", "--json", *options).json]

    assert ids() == ["b2", "b1", RUN_ID]
    assert ids("--flow", "data_flow") == [RUN_ID]
    assert ids("--state", "completed") == ["b1"]
    assert ids("--state", "PENDING", "--flow", "train_flow") == ["b2"]
    assert ids("--limit", "1") == ["b2"]
    assert ids("--flow", "eval_flow") == []


@pytest.mark.usefixtures("light_engine")
def test_the_list_can_be_searched(
    command: EngineCommand, table: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "_PAGE", 2)
    for number in range(5):
        add_run(table, f"a{number}", state="COMPLETED", tags=("even",) if number % 2 == 0 else ())
    add_run(table, "b1", "train_flow", state="FAILED", message="no date", tags=("even", "x"))

    def ids(*options: str) -> list[str]:
        return [run["id"] for run in command("runs", "--json", *options).json]

    assert ids("--filter", "state:failed") == ["b1"]
    assert ids("--filter", "!id:b") == ["a4", "a3", "a2", "a1", "a0"]
    assert ids("--tag", "even") == ["b1", "a4", "a2", "a0"]
    assert ids("--tag", "even", "--tag", "x") == ["b1"]
    assert ids("--tag", "even", "--filter", "state:completed", "--limit", "2") == ["a4", "a2"]
    assert ids("--offset", "1", "--limit", "4") == ["a4", "a3", "a2", "a1"]
    assert ids("--offset", "2", "--filter", "tag:even") == ["a2", "a0"]
    assert ids("--offset", "6") == []
    assert command("runs", "--filter", "state:crashed").out == "no such runs\n"


@pytest.mark.usefixtures("light_engine")
def test_tags_have_a_column_when_a_run_has_any(command: EngineCommand, table: RunTable) -> None:
    add_run(table, "b1", state="FAILED")
    assert "tags" not in command("runs").out

    add_run(table, "b2", state="FAILED", tags=("night", "재고"))

    heading, tagged, _ = command("runs").out.splitlines()
    assert heading.split()[-1] == "tags"
    assert tagged.split()[-2:] == ["night", "재고"]


def test_a_filter_that_cannot_be_understood_is_refused_without_an_engine(
    command: EngineCommand,
) -> None:
    answer = command("runs", "--tag", "x", "--filter", "swift stat:failed")

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(
        "error: filter, character 7: there is no field 'stat'; did you mean \"state\"?. Fields are"
    )


@pytest.mark.usefixtures("light_engine")
@pytest.mark.parametrize(
    "option", [["--flow", "eval_flow"], ["--state", "CRASHED"], ["--tag", "x"], ["--offset", "1"]]
)
def test_that_none_fits_does_not_mean_that_there_are_none(
    command: EngineCommand, table: RunTable, option: list[str]
) -> None:
    add_run(table, state="FAILED")

    answer = command("runs", *option)

    assert answer.code == 0
    assert answer.out != ""
    assert "no runs yet" not in answer.out


@pytest.mark.parametrize(
    "option",
    [
        ["--limit", "0"],
        ["--limit", "many"],
        ["--flow", "nope"],
        ["--state", "asleep"],
        ["--offset", "-1"],
    ],
)
def test_what_cannot_be_listed_is_refused(command: EngineCommand, option: list[str]) -> None:
    answer = command("runs", *option)

    assert (answer.code, answer.out) == (2, "")


@pytest.mark.usefixtures("light_engine")
def test_more_runs_than_fit_into_one_answer_are_listed_each_once(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, "run-0", state="COMPLETED")
    # The same run again and again, a second older each: so many accepts would take seconds.
    with EngineDatabase(workspace.database).transaction() as database:
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2002)"
            " INSERT INTO runs (id, flow, name, state, created, ended, closed)"
            " SELECT 'run-' || i, flow, name, state, created - i, ended, closed FROM runs, n"
        )
    expected = [f"run-{number}" for number in range(2003)]

    def ids(limit: int) -> list[str]:
        return [run["id"] for run in command("runs", "--json", "--limit", str(limit)).json]

    assert ids(1000) == expected[:1000]
    assert ids(1001) == expected[:1001]
    assert ids(2000) == expected[:2000]
    assert ids(1_000_000) == expected


@pytest.mark.usefixtures("light_engine")
def test_the_pages_of_a_list_meet_wherever_they_are_cut(
    command: EngineCommand, table: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "_PAGE", 2)
    for number in range(5):
        add_run(table, f"a{number}", state="COMPLETED")
        add_run(table, f"b{number}", state="FAILED")

    def listed(limit: int) -> list[str]:
        line = ["runs", "--json", "--state", "FAILED", "--limit", str(limit)]
        return [run["id"] for run in command(*line).json]

    for limit in range(1, 7):
        assert listed(limit) == ["b4", "b3", "b2", "b1", "b0"][:limit]


@pytest.mark.usefixtures("light_engine")
def test_markup_in_a_name_is_shown_as_it_is(command: EngineCommand, table: RunTable) -> None:
    add_run(table, "b1", name="[red]x[/red]", parameters={"model_type": "[b]"})

    answer = command("runs")

    assert "[red]x[/red]" in answer.out
    assert "[b]" in answer.out


def test_a_run_that_waits_says_what_for(
    command: EngineCommand, table: RunTable, light_engine: EngineThread
) -> None:
    add_run(table, "b1")

    _, _, before = command("runs").out.splitlines()
    light_engine.do(lambda engine: engine.prefect.child.ready.set())
    _, _, after = command("runs").out.splitlines()

    assert before == "b1: the Prefect server is starting, which takes a few seconds"
    assert after == "b1: the training libraries are being loaded, which takes a few seconds"
    assert command("runs", "--json").json[0]["waiting"] == after.removeprefix("b1: ")
    shown = command("run", "show", "b1").out
    assert shown == f"data_flow bold-otter (b1): PENDING\n  {after.removeprefix('b1: ')}\n"


def test_a_run_that_waits_for_room_says_who_has_it(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    (workspace.configs / "engine.yaml").write_text("queue: {max_concurrent: 1}\n")
    add_run(table, "b1", "train_flow")
    with process_of_a_run(table, "b1"), EngineThread(workspace) as light_engine:
        add_run(table, "b2", "eval_flow")
        # Nothing looks at the queue: the engine would try to start what it believes it can.
        light_engine.do(lambda engine: engine.prefect.child.ready.set())
        light_engine.do(lambda engine: engine.launcher.child.ready.set())
        waiting, running = command("runs", "--json").json

    assert (running["id"], running["state"], running["waiting"]) == ("b1", "RUNNING", None)
    assert waiting["waiting"] == (
        "waits for train_flow b1: at most 1 run at once (queue.max_concurrent); "
        "number 1 in the queue"
    )


def test_a_run_that_goes_on_is_shown_with_what_it_uses(
    command: EngineCommand, table: RunTable, light_engine: EngineThread, workspace: Workspace
) -> None:
    add_run(table, "b1")
    folder = workspace.run_folder("b1")
    folder.mkdir()
    progress = ProgressWriter(folder)
    task = {"id": "t1", "name": "train_model", "flow": "data_flow"}
    progress.write("task", state="RUNNING", **task)
    progress.close()
    with process_of_a_run(table, "b1"):
        table.set_usage("b1", 1.5, 3 * 1024**2)
        data = command("run", "show", "b1", "--json").json
        text = command("run", "show", "b1").out
        _, line = command("runs").out.splitlines()

    assert (data["state"], data["ended"], data["outputs"]) == ("RUNNING", None, {})
    assert (data["cpu_seconds"], data["memory"]) == (1.5, 3 * 1024**2)
    assert "exit_code" not in data
    assert "train_model" in str(data["timeline"])
    assert "train_model" in text
    assert "engine retry" not in text
    assert line.split()[-1] == "s"


@pytest.mark.usefixtures("light_engine")
def test_one_run_is_shown_with_its_timeline_its_reason_and_what_to_do_next(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    folder = add_ended_run(table, workspace)

    answer = command("run", "show", "3f2a")

    assert answer.code == 0
    assert "load_time_series_csv" in answer.out
    assert "  3 days filled\n" in answer.out
    assert f"data_flow bold-otter ({RUN_ID}): FAILED\n  ledger.csv:7: no date\n" in answer.out
    assert f"  log: {folder / LOG_FILE}  (engine logs 3f2a77c1)\n" in answer.out
    assert "engine retry 3f2a77c1\n" in answer.out


@pytest.mark.usefixtures("light_engine")
def test_a_run_that_completed_needs_no_mending(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_ended_run(table, workspace, state="COMPLETED", message="", error_kind="")

    answer = command("run", "show", RUN_ID)

    assert answer.out.endswith(f"data_flow bold-otter ({RUN_ID}): COMPLETED\n")


@pytest.mark.usefixtures("light_engine")
def test_one_run_as_json_says_how_it_ended(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    folder = add_ended_run(table, workspace)

    data = command("run", "show", "3f2a", "--json").json

    assert (data["id"], data["state"], data["exit_code"]) == (RUN_ID, "FAILED", 3)
    assert (data["error_kind"], data["folder"]) == ("DataError", str(folder))
    assert data["outputs"] == {"data_report": ["3 days filled"]}
    assert "load_time_series_csv" in str(data["timeline"])


@pytest.mark.usefixtures("light_engine")
def test_a_run_that_has_not_begun_is_shown_without_a_timeline(
    command: EngineCommand, table: RunTable
) -> None:
    add_run(table, "b1", "train_flow")

    data = command("run", "show", "b1", "--json").json

    assert (data["state"], data["started"], data["outputs"]) == ("PENDING", None, {})
    assert data["waiting"]
    assert "timeline" not in data


@pytest.mark.usefixtures("light_engine")
def test_times_are_those_of_the_configured_zone(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, "b1")
    zone = "Pacific/Kiritimati"
    (workspace.configs / "engine.yaml").write_text(f"timezone: {zone}\n")
    created = table.get("b1").created

    _, line, _ = command("runs").out.splitlines()

    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(created + 14 * 3600))
    assert day in line


@pytest.mark.usefixtures("engine_may_start")
def test_a_damaged_table_of_runs_is_an_error_of_storage(
    command: EngineCommand, workspace: Workspace
) -> None:
    workspace.database.write_bytes(b"not a database at all" * 100)

    answer = command("runs")

    assert answer.code == 7
    assert answer.out == ""
    assert answer.err.startswith(
        f"error: {workspace.database}: the engine's database cannot be used"
    )


@pytest.mark.usefixtures("light_engine")
def test_a_result_of_a_run_that_cannot_be_read_does_not_hide_the_run(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    folder: Path = add_ended_run(table, workspace)
    (folder / "result.json").write_text('{"state": "FAI')

    answer = command("run", "show", "3f2a", "--json")

    assert (answer.code, answer.json["state"]) == (0, "FAILED")
