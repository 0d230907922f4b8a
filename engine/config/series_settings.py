"""Every setting of a flow about daily series, with its type, range, default and documentation.

One model an area; what pictures share with them stands in `flow_settings`.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from engine.config.flow_settings import (
    AnyDatasetSettings,
    AnyDeploySettings,
    AnyEvaluateSettings,
    AnyModelSettings,
    DataType,
    FlowSettings,
)
from engine.config.values import (
    DatabaseUrl,
    DateFormat,
    Delimiter,
    Encoding,
    Name,
    Names,
    PathText,
    Section,
    SomeNames,
    Text,
    conflict,
)


class DatasetRules(Section):
    """What to do about rows that are not a clean daily series; every decision is reported."""

    gaps: Literal["error", "zero", "forward", "interpolate"] = "error"
    """Days that a series lacks between its first and last day. error: stop and list them.
    zero: nothing happened on that day. forward: repeat the last known value.
    interpolate: draw a straight line between the neighbours."""

    duplicates: Literal["error", "first", "last", "sum", "mean"] = "error"
    """Two rows of one series on one day. error: stop and list them. first, last: keep that row.
    sum, mean: combine them (sum suits movements, mean suits levels)."""

    missing: Literal["error", "zero", "forward", "interpolate"] = "error"
    """Empty or NaN target values; the choices mean the same as for gaps."""

    unsorted: Literal["sort", "error"] = "sort"
    """Rows that are not in date order. sort: order them and report it. error: stop."""

    negatives: Literal["allow", "error", "zero"] = "allow"
    """Values below zero. allow: stock may be negative. error: stop and list them.
    zero: raise them to zero."""

    short_series: Literal["error", "drop", "keep"] = "error"
    """Series with too few days for training, validation and test. error: stop and list them.
    drop: leave them out and report it. keep: they are there to be forecast from what is known of
    them, but are learnt from and measured only as far as they reach."""

    future: Literal["missing", "keep"] = "missing"
    """Rows with covariates after the last value of a series. missing: their values are missing
    like any other. keep: they are days to come, and forecasts know their covariates."""

    max_errors_listed: Annotated[int, Field(ge=1, le=10_000)] = 20
    """How many offending rows a report lists by number; the rest are counted (1 to 10000)."""


class SplitSettings(Section):
    """Chronological split: train | validation | test. Statistics are fitted on train only."""

    validation_days: Annotated[int, Field(ge=1, le=3660)] = 28
    """Days before the test part that decide when training stops early; at least model.horizon
    (1 to 3660)."""

    test_days: Annotated[int, Field(ge=1, le=3660)] = 28
    """Last days of every series, never seen by training; evaluation needs at least
    model.horizon + (evaluate.folds - 1) * evaluate.step_days (1 to 3660)."""


class DatasetSettings(AnyDatasetSettings):
    """Where the series come from and how their columns read. Give a file or a database URL."""

    ds_root: PathText = "data"
    """Folder that a relative file_path starts from; itself relative to the workspace."""

    file_path: PathText | None = "demo.parquet"
    """File to read, relative to ds_root or absolute; null when url is given."""

    file_format: Literal["auto", "csv", "parquet"] = "auto"
    """Format of the file. auto: by its name and first bytes."""

    url: DatabaseUrl | None = None
    """SQLAlchemy database URL instead of a file, or null. ${NAME} stands for an environment
    variable and is expanded only when the database is read, so no secret is stored."""

    query: Text | None = None
    """SELECT statement that yields the rows; null when table is given or a file is read."""

    table: Name | None = None
    """Database table to read whole, `schema.table` or `table`; null when query is given or a
    file is read."""

    date_col: Name = "ds"
    """Column of the day of each row."""

    target_col: Name | SomeNames = "y"
    """Column to forecast. A list of columns reads a wide file: each column becomes a series of
    that name, and series_col must be null."""

    series_col: Name | None = "unique_id"
    """Column that tells the series apart; null when the file is one series or wide."""

    covariate_cols: Names = ()
    """Further numeric columns that are known in advance (price, promotion); [] for none."""

    stock_col: Name | None = None
    """Column of the stock on hand at the end of each day, beside demand in target_col, or null.
    No model learns from it: it is what a stock-out is reckoned from. The same column as target_col
    says that the series is the stock itself."""

    date_format: DateFormat | None = None
    """How dates are written, as a strptime format (%d/%m/%Y). null: ISO 8601 and other forms
    that can be read in one way only; 03/04/2024 is refused rather than guessed."""

    encoding: Encoding = "auto"
    """Text encoding of a CSV file. auto: UTF-8 with or without byte order mark, then CP949;
    or the name of a codec."""

    delimiter: Delimiter = "auto"
    """Character between CSV columns. auto: found from the header; or one character."""

    decimal: Literal[".", ","] = "."
    """Decimal mark of CSV numbers."""

    thousands: Literal[",", ".", " ", "'", "_"] | None = None
    """Character that groups thousands in CSV numbers (1,234.5), or null for none; never the
    same as decimal."""

    max_rows: Annotated[int, Field(ge=1, le=2_000_000_000)] = 50_000_000
    """Refuse a source with more rows than this, before memory runs out (1 to 2000000000)."""

    rules: DatasetRules = DatasetRules()
    """What to do about gaps, duplicates, missing values and the like."""

    split: SplitSettings = SplitSettings()
    """How many days are held back for validation and test."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.file_path is not None and self.url is not None:
            what = "file_path and url are both given; set the one that is not meant to null"
            raise conflict(what, "url", "file_path")
        if self.file_path is None and self.url is None:
            what = "neither file_path nor url is given; give one of them"
            raise conflict(what, "file_path", "url")
        if self.url is None:
            for key in ("query", "table"):
                if getattr(self, key) is not None:
                    what = f"{key} goes with url, but a file is read; set it to null"
                    raise conflict(what, key)
        elif (self.query is None) == (self.table is None):
            state = "neither query nor table is" if self.query is None else "query and table are"
            what = f"{state} given; a url goes with exactly one of them"
            raise conflict(what, "query", "table", "url")
        return self

    @property
    def beside(self) -> tuple[str, ...]:
        """Columns of numbers beside the target: covariates, then the stock where it is not it."""
        stock = () if self.stock_col in (None, self.target_col) else (str(self.stock_col),)
        return (*self.covariate_cols, *stock)

    @model_validator(mode="after")
    def _distinct_columns(self) -> Self:
        if isinstance(self.target_col, tuple) and self.series_col is not None:
            what = (
                "target_col is a list, so each of its columns is a series; "
                "set series_col to null, or give one target column"
            )
            raise conflict(what, "target_col", "series_col")
        targets = self.target_col if isinstance(self.target_col, tuple) else (self.target_col,)
        series = () if self.series_col is None else (self.series_col,)
        named = Counter((self.date_col, *targets, *series, *self.beside))
        column, times = named.most_common(1)[0]
        if times > 1:
            what = f"column {column!r} is named twice; each column has one meaning"
            keys = ("target_col", "covariate_cols", "stock_col", "series_col", "date_col")
            raise conflict(what, *keys)
        return self

    @model_validator(mode="after")
    def _stock_of_one_target(self) -> Self:
        if self.stock_col is not None and isinstance(self.target_col, tuple):
            what = (
                "stock_col is the stock of one series, and target_col is a list of several; set "
                "stock_col to null, or give one target column"
            )
            raise conflict(what, "stock_col", "target_col")
        return self

    @model_validator(mode="after")
    def _readable_numbers(self) -> Self:
        if self.thousands == self.decimal:
            what = f"thousands and decimal are both {self.decimal!r}"
            raise conflict(what, "thousands", "decimal")
        if self.delimiter == self.decimal:
            what = f"delimiter and decimal are both {self.decimal!r}"
            raise conflict(what, "delimiter", "decimal")
        return self


class ModelSettings(AnyModelSettings):
    """Which forecaster, and the shape of its question and answer."""

    model_type: Name = "LSTM"
    """Registered name of the forecaster: LSTM, GRU, BiLSTM, Conv1D-BiLSTM, LightGBM, ETS, Theta,
    SeasonalNaive, auto (tries all of them and blends the best), or one of a plugin."""

    window: Annotated[int, Field(ge=2, le=366)] = 30
    """Past days that a forecast is made from (2 to 366)."""

    horizon: Annotated[int, Field(ge=1, le=365)] = 7
    """Days that the model answers at once (1 to 365); longer forecasts feed its own back."""

    objective: Literal["median", "stock"] = "median"
    """What forecasts aim at. median: the smallest absolute error; for what is often 0 that is
    less than the mean. stock: the unbiased mean, so that orders add up to what is needed; measured
    by squared errors (RMSSE)."""


class EvaluateSettings(AnyEvaluateSettings):
    """How a candidate is measured: rolling origins over the test part, beside the naive."""

    folds: Annotated[int, Field(ge=1, le=52)] = 4
    """Forecast origins in the test part (1 to 52)."""

    step_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Days between two origins (1 to 365)."""

    season: Annotated[int, Field(ge=1, le=366)] = 7
    """Length in days of the season that the seasonal naive repeats (1 to 366); 7 = weekly."""

    level: Annotated[float, Field(ge=1, le=99.9)] = 80
    """Level of the prediction intervals that are measured, in percent (1 to 99.9): 80 = four of
    five days should lie inside. Forecasts can be asked for with any other."""


class GateSettings(Section):
    """What a candidate must reach before it may serve.

    A ratio below 1 is better than the other model, 1 is as good.
    """

    max_ratio_to_naive: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Largest error allowed, as a multiple of the seasonal naive's error (above 0, to 100)."""

    max_ratio_to_champion: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Largest error allowed, as a multiple of the champion's error on the same days (above 0,
    to 100); not asked when nothing is deployed yet."""

    max_abs_bias: Annotated[float, Field(ge=0, le=100)] = 0.25
    """Largest bias allowed in either direction, as a share of the mean level (0 to 100);
    0.25 = forecasts may lie a quarter too high or too low on average."""

    max_coverage_error: Annotated[float, Field(ge=0, le=1)] | None = None
    """Largest distance allowed between evaluate.level and the part of the days that really lay in
    the interval (0 to 1), or null: not asked, because the test days of a few series tell this part
    only roughly, and a good forecast would be refused by chance. With many series, 0.15 is fair."""


class DeploySettings(AnyDeploySettings):
    """How a candidate becomes the champion."""

    gate: GateSettings = GateSettings()
    """What the candidate must reach."""

    canary_windows: Annotated[int, Field(ge=1, le=4096)] = 16
    """Windows of real data that the serving bundle must forecast like the trained model
    before it is promoted (1 to 4096)."""


class SeriesSettings(FlowSettings):
    """The whole resolved configuration of one run about series."""

    data_type: DataType = "timeseries"
    """Kind of data; timeseries: daily series; image: pictures and their classes."""

    dataset: DatasetSettings = DatasetSettings()
    """Where the series come from (data_flow_config.yaml)."""

    model: ModelSettings = ModelSettings()
    """Which forecaster (train_flow_config.yaml)."""

    evaluate: EvaluateSettings = EvaluateSettings()
    """How it is measured (eval_flow_config.yaml)."""

    deploy: DeploySettings = DeploySettings()
    """When and how it goes into service (deploy_flow_config.yaml)."""

    @model_validator(mode="after")
    def _split_fits_evaluation(self) -> Self:
        horizon, split, evaluate = self.model.horizon, self.dataset.split, self.evaluate
        needed = horizon + (evaluate.folds - 1) * evaluate.step_days
        if split.test_days < needed:
            raise conflict(
                f"{split.test_days} test days are too few: horizon {horizon} + (folds "
                f"{evaluate.folds} - 1) * step_days {evaluate.step_days} needs {needed}; raise "
                f"test_days to {needed}, or lower model.horizon, evaluate.folds or "
                "evaluate.step_days",
                "dataset.split.test_days",
                "model.horizon",
                "evaluate.folds",
                "evaluate.step_days",
            )
        if split.validation_days < horizon:
            raise conflict(
                f"{split.validation_days} validation days are fewer than the horizon {horizon}; "
                f"raise validation_days to {horizon} or more, or lower model.horizon",
                "dataset.split.validation_days",
                "model.horizon",
            )
        return self
