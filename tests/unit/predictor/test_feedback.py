from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from engine.predictor.feedback import Feedback, ServedForecast


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


def lines(path: Path) -> list[ServedForecast]:
    return [
        msgspec.json.decode(line, type=ServedForecast) for line in path.read_bytes().splitlines()
    ]


def test_what_was_asked_is_kept_in_numbers_beside_the_forecast(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "forecasts.jsonl", 1024**2)
    windows = [[float(day % 7) for day in range(length)] for length in (28, 28, 5, 28)]
    windows[1][-1] = 1e6 / 3
    for number, window in enumerate(windows):
        feedback.keep("v", f"s{number}", None, [1.0], window, 5 if number == 2 else None)
    feedback.keep("v", "s4", None, [1.0])
    feedback.write()

    kept = {one.series_id: one for one in lines(tmp_path / "forecasts.jsonl")}
    assert kept["s0"].window == [3.0, 3.0, 2.0, 0.142857, 3.0, 1.0]
    assert kept["s1"].window is not None and kept["s1"].window[0] == 11907.5
    assert kept["s2"].window == [2.0, 2.0, 1.41421, 0.2, 2.0, None]
    assert [kept[f"s{number}"].known_days for number in range(5)] == [None, None, 5, None, None]
    assert kept["s4"].window is None


def test_more_than_are_put_into_numbers_at_once_keep_their_order(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path / "forecasts.jsonl", 1024**2)
    for number in range(600):
        feedback.keep("v", f"s{number}", None, [1.0], [float(number)] * 14)
    feedback.write()
    kept = lines(tmp_path / "forecasts.jsonl")
    assert [one.series_id for one in kept] == [f"s{number}" for number in range(600)]
    assert all(one.window is not None and one.window[0] == at for at, one in enumerate(kept))
