"""The parts of the screen of a run, without a terminal and without an engine."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.charts.rows import ghost_of
from engine.schema import RunDetail, StepInfo
from tests.tui.rows import NOW, run_info
from tests.unit.client.messages import step_info
from tui.paint import Line, text_of, width_of
from tui.run.artifacts import artifacts_lines, list_files
from tui.run.curves import Curves, metrics_lines
from tui.run.head import outcome_text
from tui.run.layout import bad_steps, fits, key_of, lay_out
from tui.run.problem import problem_lines, traceback_of
from tui.run.progress import left_text, measures_text, progress_of
from tui.run.timeline import RunTimeline
from tui.runs.preview import pace_text

STARTED = NOW - 100.0


def step(number: int, name: str = "", **changes: Any) -> StepInfo:
    """A step of two seconds, one after the other."""
    start = STARTED + 2.0 * number
    values = {
        "id": f"s{number}",
        "name": name or f"fit-{number}",
        "flow": "train_flow",
        "state": "COMPLETED",
        "start": start,
        "end": start + 2.0,
    }
    return StepInfo(**(values | changes))  # type: ignore[arg-type]


def detail(*steps: StepInfo, **changes: Any) -> RunDetail:
    run = run_info(0, **({"state": "RUNNING", "started": STARTED, "ended": None} | changes))
    return RunDetail(run=run, folder="/nowhere", steps=steps)


def shown(timeline: RunTimeline, known: RunDetail, now: float = NOW) -> list[str]:
    if timeline.is_old(known, now):
        timeline.take(timeline.work(known, now)())
    return [text_of(line).rstrip() for line in timeline.lines(80, 20)]


def texts(lines: list[Line]) -> str:
    return "\n".join(text_of(line).rstrip() for line in lines)


# Timeline


def test_the_cursor_stays_on_its_step_while_others_come() -> None:
    timeline = RunTimeline()
    shown(timeline, detail(step(0, "load"), step(1, "train")))
    timeline.do_bottom()
    shown(timeline, detail(step(0, "load"), *(step(n) for n in range(5, 9)), step(1, "train")))

    row = timeline.selected()
    assert row is not None and row.bar.name == "train"


def test_what_was_folded_stays_so_when_the_run_ends_with_other_ids() -> None:
    timeline = RunTimeline()
    shown(timeline, detail(*(step(n) for n in range(6))))
    timeline.do_down()
    assert timeline.toggle()
    assert any("fit-3" in line for line in shown(timeline, detail(*(step(n) for n in range(6)))))
    again = [step(n, id=f"other{n}") for n in range(6)]
    ended = shown(timeline, detail(*again, state="COMPLETED", ended=NOW))

    assert any("fit-3" in line for line in ended)
    row = timeline.selected()
    assert row is not None and row.bar.name == "fit x6"


def test_a_cursor_is_laid_over_lines_that_are_not_drawn_anew() -> None:
    timeline = RunTimeline()
    known = detail(*(step(n, f"task {'abc'[n % 3]}") for n in range(30)))
    shown(timeline, known)
    before = timeline.lines(80, 12)
    timeline.do_down()
    after = timeline.lines(80, 12)

    same = [one is other for one, other in zip(before, after, strict=True)]
    assert same == [False, False, *[True] * 10]
    assert text_of(before[1]).rstrip() == text_of(after[1]).rstrip()


def test_only_the_rows_that_are_seen_are_drawn() -> None:
    timeline = RunTimeline()
    known = detail(*(step(n, f"task {'abc'[n % 3]}") for n in range(100)))
    shown(timeline, known)
    timeline.do_bottom()

    lines = timeline.lines(80, 12)
    assert len(lines) == 12
    assert "cursor" in lines[9][0][1]


def test_a_large_run_that_goes_on_is_laid_out_now_and_then() -> None:
    timeline = RunTimeline()
    steps = [step(n, f"t{n % 2}") for n in range(200)]
    shown(timeline, detail(*steps))

    more = detail(*steps, step(200))
    assert timeline.is_large(more)
    assert not timeline.is_old(more, NOW + 0.5)
    assert timeline.is_old(more, NOW + 2.5)
    assert timeline.is_old(detail(*steps, state="FAILED", ended=NOW), NOW + 0.5)


def test_folds_that_changed_while_it_was_laid_out_are_kept() -> None:
    timeline = RunTimeline()
    known = detail(*(step(n) for n in range(6)))
    shown(timeline, known)
    late = timeline.work(known, NOW + 5)
    timeline.do_down()
    timeline.toggle()
    timeline.take(late())

    assert any("fit-3" in row.bar.name for row in timeline.rows)


def test_zoom_stays_inside_the_run_and_0_shows_all_again() -> None:
    timeline = RunTimeline()
    known = detail(step(0, "load"), step(1, "train"))
    whole = shown(timeline, known)
    timeline.zoom(4)
    assert timeline.is_zoomed
    for _ in range(20):
        timeline.pan(-1)
    assert shown(timeline, known) != whole
    timeline.zoom(1 / 64)
    assert not timeline.is_zoomed
    assert shown(timeline, known) == whole


def test_the_run_before_is_found_by_names_not_by_ids() -> None:
    before = lay_out(detail(*(step(n, id=f"old{n}") for n in range(6))), NOW)
    now = lay_out(detail(*(step(n) for n in range(6))), NOW)
    ghost = ghost_of(before.timeline)

    assert all(ghost.end_of(row) is not None for row in now.rows)


@pytest.mark.parametrize(
    ("filter", "fit"),
    [("train", True), ("TRAIN", True), ("x", False), ("!x", True), ("!train", False),
     ("state:fail train", True), ("state:done", False), ("", True), ("!", True)],
)  # fmt: skip
def test_words_of_a_filter(filter: str, fit: bool) -> None:
    rows = lay_out(detail(step(1, "train", state="FAILED")), NOW).rows
    assert fits(rows[1], filter) is fit


def test_filtered_rows_come_with_what_they_lie_in() -> None:
    steps = [*(step(n) for n in range(6)), step(6, "save", flow="other_flow")]
    layout = lay_out(detail(*steps), NOW, filter="fit-3")

    assert [row.bar.name for row in layout.rows] == ["train_flow", "fit x6", "fit-3"]


def test_failed_steps_are_named_also_in_groups() -> None:
    layout = lay_out(detail(*(step(n) for n in range(5)), step(5, state="FAILED")), NOW)
    assert bad_steps(layout) == ["fit-5"]
    assert len({key_of(row) for row in layout.rows}) == len(layout.rows)


# Progress


def test_progress_is_told_by_what_the_running_step_counts() -> None:
    steps = [step(0), step(20, "train", state="RUNNING", end=None, unit="epoch", done=5, total=20)]
    known = detail(*steps)
    found = progress_of(known.run, steps, 1000.0, NOW)

    assert found is not None and found.step == steps[1]
    assert found.share == 0.25
    # 60 s for five epochs: 180 s for the other fifteen.
    assert found.left == pytest.approx(180.0)


def test_progress_is_told_by_earlier_runs_where_nothing_is_counted() -> None:
    steps = [step(0, state="RUNNING", end=None)]
    run = detail(*steps).run
    found = progress_of(run, steps, 400.0, NOW)
    late = progress_of(run, steps, 50.0, NOW)
    unknown = progress_of(run, steps, None, NOW)

    assert found is not None and (found.share, found.left) == (0.25, 300.0)
    assert late is not None and (late.share, late.left) == (0.99, None)
    assert unknown is not None and unknown.share is None


def test_what_does_not_run_has_no_progress() -> None:
    assert progress_of(run_info(0), [], 10.0, NOW) is None
    assert progress_of(run_info(0, state="PENDING", started=None), [], 10.0, NOW) is None


@pytest.mark.parametrize(
    ("left", "said"), [(0.2, "1 s"), (59.4, "59 s"), (59.6, "1 m 00 s"), (125.0, "2 m 05 s")]
)
def test_what_is_left_is_told_in_whole_seconds(left: float, said: str) -> None:
    assert left_text(left) == f"about {said} left"


# Curves


def epoch(done: int, **measures: float | None) -> dict[str, Any]:
    return {"at": 1.0, "kind": "epoch", "step": "train", "done": done, "total": 9} | measures


def test_curves_of_a_step_that_is_tried_again_begin_anew() -> None:
    curves = Curves()
    curves.apply([epoch(1, loss=3.0), epoch(2, loss=2.0)], 100)
    curves.apply([epoch(1, loss=5.0), {"at": 1.0, "kind": "end", "state": "FAILED"}], 200)

    assert [curve.points["loss"] for curve in curves.curves] == [
        [(1.0, 3.0), (2.0, 2.0)],
        [(1.0, 5.0)],
    ]
    assert curves.curves[1].attempt == 2
    assert curves.offset == 200


def test_the_best_epoch_is_that_of_the_lowest_validation_loss() -> None:
    curves = Curves()
    values = [(9.0, 4.0), (8.0, 3.0), (7.0, None), (6.0, 3.5)]
    curves.apply(
        [epoch(n, loss=loss, validation_loss=v) for n, (loss, v) in enumerate(values, 1)], 1
    )

    assert curves.curves[0].best == (2.0, 3.0)
    shown = texts(metrics_lines(curves, 80, 20))
    assert "best: epoch 2" in shown and "◆ 3" in shown
    assert "epoch 4/9" in shown


def test_measures_of_other_sizes_have_charts_of_their_own() -> None:
    curves = Curves()
    curves.apply([epoch(n, loss=1.0 / n, samples=9000.0 + n) for n in range(1, 9)], 1)

    assert texts(metrics_lines(curves, 80, 40)).count("by epoch") == 2
    assert all(width_of(line) <= 80 for line in metrics_lines(curves, 80, 40))


def test_nothing_measured_is_said() -> None:
    assert "Nothing was measured" in texts(metrics_lines(Curves(), 80, 20))


# Results and mistakes


def test_results_of_any_shape_are_told(tmp_path: Any) -> None:
    (tmp_path / "candidate").mkdir()
    (tmp_path / "candidate" / "model.onnx").write_bytes(b"x" * 2048)
    files = list_files(str(tmp_path))
    shown = texts(artifacts_lines({"evaluation": {"scores": {}}}, files, str(tmp_path), 60))

    assert "candidate/model.onnx" in shown and "2.0 KiB" in shown
    assert outcome_text({"candidate": "x"}) == "left a candidate"
    assert outcome_text({}) == ""


def test_a_traceback_is_told_with_what_caused_it() -> None:
    cause = ["Traceback (most recent call last):", "  File x", "KeyError: 'a'", ""]
    between = ["During handling of the above exception, another exception occurred:", ""]
    last = ["Traceback (most recent call last):", "  File y", "ValueError: b"]
    earlier = ["Traceback (most recent call last):", "OSError: else", "INFO went on"]

    assert traceback_of([*earlier, *cause, *between, *last]) == [*cause, *between, *last]
    assert traceback_of(["INFO all is well"]) == []


def test_advice_fits_the_kind_of_error() -> None:
    run = run_info(0, state="FAILED", message="ledger.csv:7: no date", error_kind="DataError")
    shown = texts(problem_lines(run, ["load"], ["one", "two"], 80))

    assert "ledger.csv:7: no date" in shown
    assert "engine config reference dataset.rules" in shown
    assert "End of the log" in shown and "two" in shown
    assert "Nothing went wrong" in texts(problem_lines(run_info(0), [], None, 80))


def test_measures_that_have_no_room_are_left_out_whole() -> None:
    step = step_info("1", unit="trial", measures={"best": 0.8263, "score": 0.9})

    assert measures_text(step) == measures_text(step, 24) == "best 0.8263  score 0.9"
    assert measures_text(step, 21) == "best 0.8263"
    assert measures_text(step, 5) == ""


@pytest.mark.parametrize(
    ("state", "pace", "said"),
    [
        ("COMPLETED", 0.4, "2.5x faster"),
        ("CANCELLED", 0.4, None),
        ("FAILED", 0.4, None),
        ("CANCELLED", 3.0, "3.0x slower"),
    ],
)
def test_a_run_that_was_cut_short_was_not_fast(state: str, pace: float, said: str | None) -> None:
    board = SimpleNamespace(pace=lambda run, now: pace)
    run = run_info(1, state=state)

    told = pace_text(cast("Any", SimpleNamespace(board=board)), run, NOW)

    assert told is None if said is None else told is not None and told[0].startswith(said)
