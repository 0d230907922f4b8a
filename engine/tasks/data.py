"""Steps of data_flow."""

from __future__ import annotations

from prefect import Task

from engine.config.settings import DatasetSettings, Settings
from engine.data.dataset import write_dataset
from engine.data.rows import LoadedRows
from engine.data.rules import CleanData, ValidRows, prepare_rows, validate_rows
from engine.data.sources import load_rows, source_kind
from engine.runs.context import run_context
from engine.tasks.handoff import DATASET
from engine.tasks.step import step


@step("load_time_series")
def load_time_series(dataset: DatasetSettings) -> LoadedRows:
    """Read the rows of a CSV or Parquet file or of a database, with their row numbers.

    Raises:
        DataError: The file or table cannot be read as rows of dates and numbers.
        NotFoundError: There is no such file.
    """
    return load_rows(dataset, root=run_context().workspace.root)


def load_time_series_from(dataset: DatasetSettings) -> Task[[DatasetSettings], LoadedRows]:
    """The loading step under the name of what it reads, such as load_time_series_csv."""
    name = f"load_time_series_{source_kind(dataset, root=run_context().workspace.root)}"
    return load_time_series.with_options(name=name, task_run_name=name)


@step("validate_data")
def validate_data(rows: LoadedRows, settings: Settings) -> ValidRows:
    """Hold the rows against every rule at once.

    Raises:
        DataError: With the rows that break a rule that is set to `error`.
    """
    model = settings.model
    return validate_rows(rows, settings.dataset, window=model.window, horizon=model.horizon)


@step("prepare_time_series_data")
def prepare_time_series_data(rows: ValidRows, settings: Settings) -> CleanData:
    """Fill what the rules allow to be filled, and report what was changed."""
    clean = prepare_rows(rows, settings.dataset)
    run_context().outputs["data_report"] = clean.report.sentences()
    return clean


@step("split_time_series_data")
def split_time_series_data(clean: CleanData, settings: Settings) -> str:
    """Split in time into train, validation and test, and write the data set.

    Returns:
        Its id: the same content and split have the same one.
    """
    context = run_context()
    dataset = write_dataset(
        clean.frame,
        report=clean.report,
        settings=settings.dataset,
        datasets_dir=context.workspace.datasets,
    )
    context.outputs["dataset"] = dataset.id
    context.hand_over(DATASET, dataset.id)
    return dataset.id
