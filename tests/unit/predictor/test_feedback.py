from __future__ import annotations

import datetime as dt
from pathlib import Path

from engine.predictor.feedback import Feedback


def fill(feedback: Feedback, count: int) -> None:
    for number in range(count):
        feedback.keep("lstm-1", f"s{number}", dt.date(2026, 11, 23), [1.0] * 7)
        feedback.write()


def test_the_ring_stays_within_its_size_and_keeps_the_newest(tmp_path: Path) -> None:
    ring = tmp_path / "forecasts.jsonl"

    fill(Feedback(ring, 8000), 200)

    older = tmp_path / "forecasts.jsonl.1"
    assert ring.stat().st_size + older.stat().st_size < 8000 + 400
    assert '"series_id":"s199"' in ring.read_text().splitlines()[-1]


def test_a_ring_that_cannot_be_written_costs_forecasts_and_nothing_else(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "gone" / "forecasts.jsonl", 8000)

    fill(feedback, 3)
    (tmp_path / "gone").mkdir()
    fill(feedback, 1)

    assert len((tmp_path / "gone" / "forecasts.jsonl").read_text().splitlines()) == 1
