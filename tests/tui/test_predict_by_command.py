"""What a running predictor is not asked by itself, because the data set knows more."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.predictor_client import PredictorAnswer, ServingModel
from engine.workspace import Workspace
from tests.tui.stage import recorded
from tui.predict import forecasts
from tui.predict.asking import Question
from tui.predict.forecasts import Forecasts

SAID = recorded("commands")["predict"]["data"]
WINDOW = int(SAID["window"])


@pytest.mark.parametrize(
    ("covariates", "days", "by_command"),
    [((), WINDOW, False), ((), WINDOW - 1, False), (("promo",), WINDOW, True)],
)
def test_a_series_is_left_to_the_command_where_that_knows_more(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    covariates: tuple[str, ...],
    days: int,
    by_command: bool,
) -> None:
    model = ServingModel(SAID["version"], "LSTM", WINDOW, 7, True, covariates)
    answer = PredictorAnswer(model.version, [1.0] * 7, 0.4, ([0.0] * 7, [2.0] * 7))
    monkeypatch.setattr(forecasts, "_serving", lambda _: model)
    monkeypatch.setattr(forecasts, "_forecast", lambda *_: ("http://127.0.0.1:4242", model, answer))
    asked: list[str] = []

    async def engine(*arguments: str) -> Any:
        asked.append(arguments[0])
        if arguments[0] == "data":
            one = {"series": "a", "last_day": "2026-01-31", "values": [1.0] * days}
            return {"series": [one]}
        return SAID

    def ask() -> Any:
        question = Question(series="a", level=80.0)
        known = Forecasts(Workspace(tmp_path), engine)
        asyncio.run(known.ask(question))
        assert not known.problems
        return known.answers[question]

    found = ask()

    assert ("predict" in asked) == by_command
    assert (found.address == "") == by_command
