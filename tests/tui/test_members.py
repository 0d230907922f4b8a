"""What a search tried and what a model looks at: on the screen of models and on that of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.workspace import Workspace
from tests.tui import learning
from tests.tui.rows import NOW
from tests.tui.stories import story
from tests.tui.terminal import Terminal, use_terminal
from tui import memory
from tui.models.members import board_lines, gain_lines, importance_lines
from tui.models.training import training_of
from tui.models.whisker import Axis, whisker
from tui.paint import text_of, width_of
from tui.run.artifacts import artifacts_lines
from tui.run.candidate import read_training
from tui.run.curves import Curves, metrics_lines
from tui.screens.models import ModelsView

AUTO, BOOSTED = "auto-aaaaaaaaaaaa", "lightgbm-bbbbbbbbbbbb"


def versions() -> list[dict[str, Any]]:
    """What `engine models --json` tells of a blend and of boosted trees."""
    blend, boosted = story(0.78), story(0.8)
    blend["training"] = learning.searched(blend["training"])
    boosted["training"] = learning.boosted(boosted["training"])
    return [
        {"id": AUTO, "model_type": "auto", "created": NOW - 60, "folder": f"/store/{AUTO}",
         "lineage": blend, "alias": "champion"},
        {"id": BOOSTED, "model_type": "LightGBM", "created": NOW - 7200, "lineage": boosted,
         "folder": f"/store/{BOOSTED}", "alias": "previous"},
    ]  # fmt: skip


def look_at(workspace: Workspace, scenario: Any, **options: Any) -> None:
    async def filled(terminal: Terminal) -> None:
        view = terminal.app.view
        assert isinstance(view, ModelsView)
        view.book.take(versions(), [])
        await scenario(terminal)

    memory.save(workspace.root, {"screen": "models"})
    use_terminal(workspace, filled, connect=False, clock=lambda: NOW, **options)


def row_of(text: str, start: str) -> str:
    return next(line for line in text.split("\n") if start in line)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_a_blend_shows_its_members_and_a_tab_with_all_trials(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("enter", "right_square_bracket")
        text = terminal.text()
        assert "0.776" in row_of(text, "◆     blend") and "3 m 31 s" in row_of(text, "◆     blend")
        first = row_of(text, "#4 ")
        assert "LightGBM" in first and "0.789" in first and "46 %" in first and "18.5 s" in first
        assert "0.775–0.804" in first and "●" in first
        assert "failed: training diverged in epoch 3" in row_of(text, "#7 ")
        assert "1.6 % better than its best member  +0.9 % … +2.4 %" in text
        await terminal.press("left_square_bracket")
        assert "Error in the test" in terminal.text()

    look_at(workspace, scenario, size=size)


def test_how_it_was_learned_is_told_with_its_lineage(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        text = terminal.text()
        assert "9 trials" in text and "#2    GRU" in text
        assert "median: the smallest absolute error" in text
        assert "from the validation days too (41.2 s)" in text
        assert "promo, price" in row_of(text, "covariates")
        await terminal.press("j")
        text = terminal.text()
        assert "stock: the unbiased mean" in text
        assert "31.2 % ━" in row_of(text, " lag_7 ")
        assert "3 more features: 9.2 %" in text

    look_at(workspace, scenario, size=(200, 60))


def test_boosted_trees_have_a_tab_with_all_features(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("j", "enter", "right_square_bracket")
        text = terminal.text()
        assert "Members" not in text.split("\n")[2]
        assert [float(row_of(text, f" {name} ").split()[2]) for name in ("lag_7", "promo")] == [
            31.2, 3.1,
        ]  # fmt: skip
        assert "zeros_28" in text

    look_at(workspace, scenario, size=(80, 24))


def test_a_small_preview_says_what_a_blend_is_made_of(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        view = terminal.app.view
        assert isinstance(view, ModelsView)
        many = [one | {"id": f"auto-{at:012d}"} for at, one in enumerate(versions() * 12)]
        view.book.take(many, [])
        assert "LightGBM 46 %, GRU 33 %, Theta 21 %" in terminal.text()

    look_at(workspace, scenario, size=(80, 24))


def test_every_width_holds_the_leaderboard() -> None:
    training = training_of(learning.searched(story(0.8)["training"]))
    for width in range(30, 200):
        for most in (None, 5):
            lines = [*board_lines(training, width, most), *gain_lines(training, width)]
            assert max(map(width_of, lines)) <= width, width
        features = importance_lines(training_of(learning.boosted(story(0.8)["training"])), width)
        assert max(map(width_of, features)) <= width, width


def test_what_has_no_room_is_counted_and_the_members_stay() -> None:
    training = training_of(learning.searched(story(0.8)["training"]))
    texts = [text_of(line) for line in board_lines(training, 80, 4)]

    assert [text.split()[0] for text in texts[1:5]] == ["◆", "#4", "#2", "#5"]
    assert texts[-1].strip() == "6 more trials"


def test_a_long_reason_of_a_failure_is_told_in_full() -> None:
    told = learning.searched(story(0.8)["training"])
    told["fit"]["leaderboard"][-1]["why"] = "no series is long enough " * 8
    lines = [text_of(line) for line in board_lines(training_of(told), 80)]

    assert sum("no series is long enough" in line for line in lines) > 2


def test_a_blend_that_is_its_best_member_alone_says_so() -> None:
    told = learning.searched(story(0.8)["training"])
    told["fit"]["leaderboard"][0]["gain"] = {"value": 0.0, "low": 0.0, "high": 0.0}

    assert "no blend was better" in text_of(gain_lines(training_of(told), 80)[0])


@pytest.mark.parametrize(
    "fit", [None, [], {"leaderboard": 3}, {"leaderboard": [None, {"score": "x", "weight": {}}]},
            {"importance": {"a": None, "b": "much"}}, {"leaderboard": [{"gain": 1}]}]
)  # fmt: skip
def test_anything_that_is_told_of_a_training_is_survived(fit: Any) -> None:
    training = training_of({"fit": fit, "refit": fit, "model": fit})

    assert board_lines(training, 80)
    assert importance_lines(training, 80) == []
    assert gain_lines(training, 80) == []


def test_a_whisker_stands_where_its_numbers_are() -> None:
    axis = Axis.over([(0.7, 0.8, 0.9), (0.75, 0.85, 0.95), (5.0, 6.0, 7.0)])

    assert (axis.low, axis.high) == (0.7, 0.95)
    assert text_of(whisker((0.7, 0.825, 0.95), axis, 11, "")) == "─────●─────"
    assert text_of(whisker((5.0, 6.0, 7.0), axis, 11, "")) == " " * 10 + "●"
    assert text_of(whisker((None, 0.8, 0.9), axis, 5, "")) == " " * 5


def test_a_run_shows_what_its_search_tried_before_anything_is_deployed(tmp_path: Path) -> None:
    (tmp_path / "candidate").mkdir()
    record = tmp_path / "candidate" / "training.json"
    record.write_text(json.dumps(learning.searched(story(0.8)["training"])))
    training = read_training(str(tmp_path))
    lines = artifacts_lines({"candidate": "0a1b"}, [], str(tmp_path), 78, training)
    text = "\n".join(text_of(line) for line in lines)

    assert "Members" in text and "#4    LightGBM" in text
    assert "objective median · covariates: promo, price · LightGBM 46 %, GRU 33 %" in text
    record.write_text("{")
    assert read_training(str(tmp_path)) is None
    assert read_training(str(tmp_path / "none")) is None


def test_a_search_that_goes_on_is_a_curve_of_trials() -> None:
    curves = Curves()
    scores = (0.83, 0.81, None, 0.79, 0.85)
    for done, score in enumerate(scores, 1):
        best = min(one for one in scores[:done] if one is not None)
        event = {"step": "train_model", "kind": "trial", "done": done, "total": 9, "best": best}
        curves.apply([event | ({"score": score} if score else {})], done)
    text = "\n".join(text_of(line) for line in metrics_lines(curves, 78, 16))

    assert "by trial" in text and "trial 5/9" in text
    assert "best: trial 4" in text and "0.79" in text
