from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
import pytest

from engine.daemon.web.monitoring import COLOURS, MonitoringData
from engine.runs.steps import Step
from engine.schema import encode
from engine.states import ALL_STATES
from engine.tables.run_record import RunRecord

SEOUL = ZoneInfo("Asia/Seoul")
BEGAN = 1_790_000_000.0


def record(number: int = 1, **changed: Any) -> RunRecord:
    values: dict[str, Any] = {
        "id": f"{number:08}-0000-4000-8000-000000000000",
        "flow": "train_flow",
        "name": f"sly-fox-{number}",
        "state": "COMPLETED",
        "message": "",
        "created": BEGAN + number,
        "started": BEGAN + number + 0.25,
        "ended": BEGAN + number + 5.0,
        "closed": True,
        "parameters": {},
        **dict.fromkeys(("pid", "pid_mark", "prefect_id", "launch_key", "rerun_of")),
        **dict.fromkeys(("cancel_asked", "cpu_seconds", "peak_bytes")),
        **dict.fromkeys(("error_kind", "origin"), ""),
        "attempt": 1,
        "priority": 0,
        "request": {},
        "cancel_requested": False,
        "notified": True,
    }
    return RunRecord(**values | changed)


class Room:
    """Runs on disk, and those that go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.living: dict[str, list[Step]] = {}
        self.data = MonitoringData(lambda run_id: folder / run_id, self.living.get)

    def ended(self, run: RunRecord, *tasks: tuple[str, str, float, float | None]) -> None:
        """Write what a run leaves."""
        rows = [
            {
                "tasks": [
                    {
                        "id": "x",
                        "name": name,
                        "state": state,
                        "start": _utc(start),
                        "end": None if end is None else _utc(end),
                    }
                    for name, state, start, end in tasks
                ]
            }
        ]
        (self.folder / run.id).mkdir()
        (self.folder / run.id / "result.json").write_text(json.dumps({"rows": rows}))

    def of(self, *runs: RunRecord) -> dict[str, Any]:
        """As a client gets it."""
        told: dict[str, Any] = json.loads(encode(self.data.of(runs, SEOUL)))
        return told


def _utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, ZoneInfo("UTC")).isoformat()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_run_has_its_tasks_with_times_in_the_zone(room: Room) -> None:
    run = record()
    room.ended(run, ("save_model", "COMPLETED", BEGAN + 3, BEGAN + 4))

    (flow,) = room.of(run)["flow_info"]

    assert flow == {
        "flow_id": run.id,
        "flow_name": "train_flow",
        "flow_run_name": "sly-fox-1",
        "state": "COMPLETED",
        "start_time": datetime.fromtimestamp(BEGAN + 1.25, SEOUL).isoformat(
            timespec="milliseconds"
        ),
        "end_time": datetime.fromtimestamp(BEGAN + 6.0, SEOUL).isoformat(timespec="milliseconds"),
        "tasks": [
            {
                "task_name": "save_model",
                "state": "COMPLETED",
                "start_time": datetime.fromtimestamp(BEGAN + 3, SEOUL).isoformat(
                    timespec="milliseconds"
                ),
                "end_time": datetime.fromtimestamp(BEGAN + 4, SEOUL).isoformat(
                    timespec="milliseconds"
                ),
            }
        ],
    }
    assert flow["start_time"].endswith("+09:00")


def test_an_empty_history_is_a_figure_that_can_be_drawn(room: Room) -> None:
    data = room.of()

    assert data["flow_info"] == data["graph"] == []
    figure = go.Figure(data=data["graph"], layout=data["layout"])
    assert figure.layout.xaxis.type == "date"
    assert len(data["layout"]["xaxis"]["range"]) == 2


@pytest.mark.parametrize("state", ALL_STATES)
def test_runs_in_every_state_are_shown_in_its_colour(room: Room, state: str) -> None:
    is_open = state in ("PENDING", "RUNNING", "CANCELLING")
    run = record(
        state=state,
        ended=None if is_open else BEGAN + 5,
        started=None if state == "PENDING" else BEGAN + 1,
        closed=not is_open,
    )

    data = room.of(run)

    line, name_of_state = data["graph"]
    assert line["mode"] == "lines+markers"
    assert (line["line"]["width"], line["marker"]["size"]) == (15, 25)
    assert line["name"] == "sly-fox-1 (train_flow)"
    assert line["y"] == [line["name"]] * 2
    assert line["x"][0] <= line["x"][1]
    assert line["line"]["color"] == COLOURS[state]
    assert name_of_state == {
        "type": "scatter",
        "mode": "markers+text",
        "name": "sly-fox-1 (train_flow) (State)",
        "x": [line["x"][1]],
        "y": [line["name"]],
        "text": [state],
        "textposition": "middle right",
        "marker": {"size": 10, "symbol": "circle", "color": COLOURS[state]},
        "showlegend": False,
        "customdata": [run.id],
    }
    assert data["layout"] == {
        "title": "Real-time Flow Monitoring",
        "xaxis": {"title": "Time", "type": "date", "range": data["layout"]["xaxis"]["range"]},
        "yaxis": {"title": "Flow Name"},
        "height": 800,
        "width": 1500,
        "margin": {"l": 250, "r": 10, "t": 50, "b": 50},
    }
    assert len(go.Figure(data=data["graph"], layout=data["layout"]).data) == 2


def test_a_run_that_goes_on_has_the_tasks_that_it_told_of(room: Room) -> None:
    run = record(state="RUNNING", ended=None, closed=False)
    room.living[run.id] = [
        Step("1", "build_model", "train_flow", "COMPLETED", BEGAN + 1, BEGAN + 2),
        Step("2", "train_model", "train_flow", "RUNNING", BEGAN + 2),
    ]

    (flow,) = room.of(run)["flow_info"]

    assert flow["end_time"] is None
    assert [(task["task_name"], task["state"]) for task in flow["tasks"]] == [
        ("build_model", "COMPLETED"),
        ("train_model", "RUNNING"),
    ]
    assert flow["tasks"][1]["end_time"] is None


def test_a_run_that_was_killed_ends_the_tasks_that_were_open(room: Room) -> None:
    run = record(state="CRASHED", message="its process was killed")
    room.living[run.id] = [Step("2", "train_model", "train_flow", "RUNNING", BEGAN + 2)]

    data = room.of(run)

    (task,) = data["flow_info"][0]["tasks"]
    assert (task["state"], task["end_time"]) == ("CRASHED", data["flow_info"][0]["end_time"])
    assert "its process was killed" in data["graph"][0]["text"][0]


def test_a_result_that_is_damaged_costs_the_tasks_and_nothing_else(room: Room) -> None:
    run = record()
    (room.folder / run.id).mkdir()
    (room.folder / run.id / "result.json").write_text('{"rows": [{"tasks"')

    assert room.of(run)["flow_info"][0]["tasks"] == []


def test_what_has_ended_is_read_once(room: Room) -> None:
    run = record()
    room.ended(run, ("save_model", "COMPLETED", BEGAN + 3, BEGAN + 4))
    first = room.of(run)["flow_info"]
    (room.folder / run.id / "result.json").unlink()

    assert room.of(run)["flow_info"] == first


def test_50_51_names_and_messages_are_text_and_nothing_else(room: Room) -> None:
    run = record(message="<img src=x onerror=alert(1)> & [red]\nsecond line", name="<b>fox</b>")

    (text, _) = room.of(run)["graph"][0]["text"]

    assert "<img" not in text and "<b>fox" not in text
    assert "&lt;img src=x onerror=alert(1)> &amp; [red]" in text
    assert "second line" not in text


def test_the_newest_run_stands_first_in_the_list_and_on_top_of_the_figure(room: Room) -> None:
    data = room.of(record(2), record(1))

    assert [flow["flow_run_name"] for flow in data["flow_info"]] == ["sly-fox-2", "sly-fox-1"]
    assert data["graph"][0]["name"] == "sly-fox-1 (train_flow)"


def test_a_clock_that_was_set_back_makes_no_negative_length(room: Room) -> None:
    data = room.of(record(started=BEGAN + 100, ended=BEGAN + 50))

    x = data["graph"][0]["x"]
    assert x[0] == x[1]
