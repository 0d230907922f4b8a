from __future__ import annotations

import datetime as dt

from engine.predictor.feedback import Feedback
from engine.quality.served import read_served
from engine.workspace import Workspace

DAY = dt.date(2026, 1, 31)


def test_what_every_worker_kept_is_read_with_the_older_file_first(workspace: Workspace) -> None:
    assert read_served(workspace).answers == []
    # Of a ring this small each file holds one forecast.
    ring = Feedback(workspace.predictor / "forecasts-0.jsonl", 2)
    for value in (1.0, 2.0, 3.0):
        ring.keep("v1", "a", DAY, [value])
        ring.write()
    other = Feedback(workspace.predictor / "forecasts-1.jsonl", 1024**2)
    other.keep("v1", "b", None, [4.0])
    other.write()

    served = read_served(workspace)

    assert [(one.series_id, one.last_date, one.prediction) for one in served.answers] == [
        ("a", DAY, [2.0]),
        ("a", DAY, [3.0]),
        ("b", None, [4.0]),
    ]
    assert served.unreadable == 0


def test_a_torn_line_costs_itself_alone(workspace: Workspace) -> None:
    path = workspace.predictor / "forecasts-0.jsonl"
    ring = Feedback(path, 1024**2)
    ring.keep("v1", "a", DAY, [1.0])
    ring.write()
    path.write_bytes(b'{"at": 1.0, "model_n\n\xff\n' + path.read_bytes() + b'{"at"')

    served = read_served(workspace)

    assert [one.series_id for one in served.answers] == ["a"]
    assert served.unreadable == 3
