from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from engine.config.series_settings import (
    DatasetSettings,
    EvaluateSettings,
    ModelSettings,
    SeriesSettings,
    SplitSettings,
)

DATABASE = {"file_path": None, "url": "sqlite:///stock.db"}


@pytest.mark.parametrize(
    "values",
    [
        {"file_path": "a.csv"},
        {"file_path": "/srv/재고.csv", "encoding": "cp949", "date_format": "%d/%m/%Y"},
        {**DATABASE, "table": "stock"},
        {**DATABASE, "query": "select 1"},
        {"file_path": None, "url": "${STOCK_URL}", "table": "stock"},
        {"file_path": None, "url": "mysql://u:${PW}@h/d", "table": "stock"},
        {"file_path": None, "url": "mysql://u@h/d?charset=utf8", "table": "stock"},
        {"target_col": ["a", "b"], "series_col": None},
        {"target_col": "Stock", "series_col": None, "covariate_cols": ["price"]},
        {"target_col": "Output", "series_col": None, "stock_col": "Stock"},
        {"target_col": "Stock", "series_col": None, "stock_col": "Stock"},
        {"decimal": ",", "thousands": ".", "delimiter": ";"},
        {"delimiter": "\t"},
        {"date_format": "%Y%j"},
        {"date_format": "%d %B %y"},
    ],
)
def test_sources_that_can_be_read_are_accepted(values: dict[str, object]) -> None:
    DatasetSettings.model_validate(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file_path": None}, "neither file_path nor url is given"),
        ({"url": "sqlite:///a", "table": "t"}, "file_path and url are both given"),
        (DATABASE, "neither query nor table is given"),
        ({**DATABASE, "query": "q", "table": "t"}, "query and table are given"),
        ({"table": "stock"}, "table goes with url"),
        ({"query": "select 1"}, "query goes with url"),
        ({**DATABASE, "url": "stock.db", "table": "t"}, "not a database URL"),
        ({**DATABASE, "url": "mysql://u:pw@h/d", "table": "t"}, "password in plain text"),
        ({**DATABASE, "url": "mysql://:pw@h/d", "table": "t"}, "password in plain text"),
        ({**DATABASE, "url": "mysql://h/d?user=u&password=x", "table": "t"}, "password in plain"),
        ({"target_col": ["a", "b"]}, "set series_col to null"),
        ({"target_col": [], "series_col": None}, "target_col"),
        ({"target_col": ["a", "a"], "series_col": None}, "column 'a' is named twice"),
        ({"date_col": "y"}, "column 'y' is named twice"),
        ({"covariate_cols": ["ds"]}, "column 'ds' is named twice"),
        ({"stock_col": "unique_id"}, "column 'unique_id' is named twice"),
        ({"stock_col": "p", "covariate_cols": ["p"]}, "column 'p' is named twice"),
        ({"target_col": ["a", "b"], "series_col": None, "stock_col": "c"}, "give one target"),
        ({"decimal": ",", "thousands": ","}, "thousands and decimal are both ','"),
        ({"decimal": ",", "delimiter": ","}, "delimiter and decimal are both ','"),
        ({"delimiter": ";;"}, "is not one character"),
        ({"delimiter": "\n"}, "is not one character"),
        ({"encoding": "utf-9"}, "no text encoding"),
        ({"encoding": "base64"}, "no text encoding"),
        ({"date_format": "DD/MM/YYYY"}, "does not say where year, month and day stand"),
        ({"date_format": "%Y-%m"}, "does not say where year, month and day stand"),
        ({"date_format": "%%Y-%%m-%%d"}, "does not say where year, month and day stand"),
        ({"date_col": ""}, "date_col"),
        ({"file_path": "a\nb"}, "file_path"),
        ({"ds_name": "Demo"}, "ds_name"),
        ({"ds_name": "demo\n"}, "ds_name"),
        ({"max_rows": 0}, "max_rows"),
        ({"max_rows": "100"}, "max_rows"),
    ],
)
def test_sources_that_cannot_be_read_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DatasetSettings.model_validate(values)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("folds", "step_days", "horizon", "enough"),
    [(1, 1, 7, 7), (4, 7, 7, 28), (2, 14, 7, 21), (3, 1, 10, 12)],
)
def test_the_test_part_holds_every_fold_to_the_day(
    folds: int, step_days: int, horizon: int, enough: int
) -> None:
    def settings(test_days: int) -> SeriesSettings:
        return SeriesSettings(
            dataset=DatasetSettings(split=SplitSettings(test_days=test_days)),
            model=ModelSettings(horizon=horizon),
            evaluate=EvaluateSettings(folds=folds, step_days=step_days),
        )

    assert settings(enough).dataset.split.test_days == enough
    with pytest.raises(ValidationError, match=f"needs {enough}"):
        settings(enough - 1)


def test_validation_needs_one_horizon() -> None:
    with pytest.raises(ValidationError, match="fewer than the horizon 7"):
        SeriesSettings(dataset=DatasetSettings(split=SplitSettings(validation_days=6)))


def test_settings_cannot_be_changed_and_survive_a_process_border() -> None:
    settings = SeriesSettings(dataset=DatasetSettings(covariate_cols=("price",)))

    with pytest.raises(ValidationError, match="frozen"):
        settings.model.window = 5  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(settings)) == settings
