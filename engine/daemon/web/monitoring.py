"""Monitoring data: the run table and what each run left, as a list and as a figure for Plotly."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from engine.daemon.tails import read_steps
from engine.daemon.web.messages import FlowTimes, Monitoring, TaskTimes
from engine.runs.outcome import RESULT_FILE
from engine.runs.steps import Step
from engine.tables.run_record import RunRecord

_MOST_REMEMBERED = 2000
_AN_HOUR = 3600.0

COLOURS = {
    "COMPLETED": "#2e9d5b",
    "RUNNING": "#2f7fd1",
    "CANCELLING": "#d18a2f",
    "FAILED": "#d13b3b",
    "CRASHED": "#a3259c",
    "CANCELLED": "#8a8f98",
    "PENDING": "#c9a400",
}


# What is needed of a result file: reading the whole of it takes ten times as long.
class _Task(Struct):
    name: str
    state: str
    start: str | None
    end: str | None


class _Row(Struct):
    tasks: list[_Task]


class _Result(Struct):
    rows: list[_Row]


_result_decoder = msgspec.json.Decoder(_Result)


class MonitoringData:
    """Makes monitoring data of runs, and remembers those that have ended.

    Args:
        folder_of: Where a run left its files.
        living_steps: The steps of a run that goes on, None of any other.
    """

    def __init__(
        self,
        folder_of: Callable[[str], Path],
        living_steps: Callable[[str], Sequence[Step] | None],
    ) -> None:
        self._folder_of = folder_of
        self._living_steps = living_steps
        self._remembered: OrderedDict[tuple[str, str], FlowTimes] = OrderedDict()

    def of(self, records: Iterable[RunRecord], zone: tzinfo) -> Monitoring:
        """The list and the figure of these runs, in the order of `records`.

        Args:
            records: From the run table.
            zone: Of all times in it.
        """
        now = time.time()
        known = [(record, self._flow(record, zone)) for record in records]
        graph: list[dict[str, Any]] = []
        # A chart grows upwards: the newest run stands at the top.
        for record, flow in reversed(known):
            graph += _traces(record, flow, zone, now)
        return Monitoring(
            flow_info=[flow for _, flow in known],
            graph=graph,
            layout=_layout([record for record, _ in known], zone, now),
        )

    def _flow(self, record: RunRecord, zone: tzinfo) -> FlowTimes:
        key = record.id, str(zone)
        found = self._remembered.get(key)
        if found is not None:
            self._remembered.move_to_end(key)
            return found
        flow = FlowTimes(
            flow_id=record.id,
            flow_name=record.flow,
            flow_run_name=record.name,
            state=record.state,
            start_time=_iso(record.started, zone),
            end_time=_iso(record.ended, zone),
            tasks=self._tasks(record, zone),
        )
        # Only then is nothing added to it any more.
        if record.closed and record.is_final:
            self._remembered[key] = flow
            if len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return flow

    def _tasks(self, record: RunRecord, zone: tzinfo) -> list[TaskTimes]:
        folder = self._folder_of(record.id)
        try:
            rows = _result_decoder.decode((folder / RESULT_FILE).read_bytes()).rows
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            rows = []  # it goes on, or its process died before it could write it
        told = [task for row in rows for task in row.tasks]
        if told:
            times = [_told(task, zone) for task in told]
            return sorted(times, key=lambda task: (task.start_time is None, task.start_time or ""))
        steps = self._living_steps(record.id)
        if steps is None:
            steps = read_steps(folder)
        return [_step(step, record, zone) for step in steps]


def _told(task: _Task, zone: tzinfo) -> TaskTimes:
    return TaskTimes(
        task_name=task.name,
        state=task.state,
        start_time=_in_zone(task.start, zone),
        end_time=_in_zone(task.end, zone),
    )


def _step(step: Step, record: RunRecord, zone: tzinfo) -> TaskTimes:
    # A step that nobody ended was cut off with its run.
    is_open = step.end is None and record.is_final
    return TaskTimes(
        task_name=step.name,
        state=record.state if is_open else step.state,
        start_time=_iso(step.start, zone),
        end_time=_iso(record.ended if is_open else step.end, zone),
    )


def _in_zone(text: str | None, zone: tzinfo) -> str | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(zone).isoformat(timespec="milliseconds")


def _iso(moment: float | None, zone: tzinfo) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="milliseconds")


def _traces(
    record: RunRecord, flow: FlowTimes, zone: tzinfo, now: float
) -> Iterable[dict[str, Any]]:
    name = f"{record.name} ({record.flow})"
    start = record.started if record.started is not None else record.created
    last = record.ended if record.ended is not None else now
    end = max(start, last)  # a clock may have been set back
    x = [_iso(start, zone), _iso(end, zone)]
    colour = COLOURS.get(record.state, "#8a8f98")
    details = _details(record, flow, end - start)
    yield {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": [name, name],
        "text": [details, details],
        "hoverinfo": "text",
        "line": {"width": 15, "color": colour},
        "marker": {"size": 25, "color": colour},
        "customdata": [record.id, record.id],
    }
    yield {
        "type": "scatter",
        "mode": "markers+text",
        "name": f"{name} (State)",
        "x": [x[1]],
        "y": [name],
        "text": [record.state],
        "textposition": "middle right",
        "marker": {"size": 10, "symbol": "circle", "color": colour},
        "showlegend": False,
        "customdata": [record.id],
    }


def _details(record: RunRecord, flow: FlowTimes, seconds: float) -> str:
    done = sum(task.state == "COMPLETED" for task in flow.tasks)
    # Plotly takes what looks like a tag for one.
    lines = [
        f"{record.name} ({record.flow})",
        f"{record.state}, {seconds:.1f} s",
        f"{done} of {len(flow.tasks)} tasks completed",
    ]
    if record.message:
        lines.append(record.message.splitlines()[0][:200])
    return "<br>".join(line.replace("&", "&amp;").replace("<", "&lt;") for line in lines)


def _layout(records: Sequence[RunRecord], zone: tzinfo, now: float) -> dict[str, Any]:
    begins = [record.started or record.created for record in records]
    begin = min(begins, default=now - _AN_HOUR)
    end = max([record.ended or now for record in records], default=now)
    # The name of a state stands to the right of its end.
    margin = max(1.0, (end - begin) * 0.08)
    return {
        "title": "Real-time Flow Monitoring",
        "xaxis": {
            "title": "Time",
            "type": "date",
            "range": [_iso(begin - margin / 4, zone), _iso(end + margin, zone)],
        },
        "yaxis": {"title": "Flow Name"},
        "height": 800,
        "width": 1500,
        "margin": {"l": 250, "r": 10, "t": 50, "b": 50},
    }
