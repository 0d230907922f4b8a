"""One run of ours, as one run of MLflow."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from engine.tracking.connection import Connection
from engine.tracking.limits import MOST_METRICS, MOST_PARAMETERS
from engine.tracking.story import RUN_TAG, Story

T = TypeVar("T")

_ALL = 3
"""ViewType.ALL: runs that somebody deleted there are found too, and stay deleted."""


def mirror_run(connection: Connection, run_id: str, story: Story) -> str:
    """Tell MLflow of a run that has ended; what it knows of it already is not told twice.

    Killed at any moment it can be done again: until the last request the run is RUNNING there.

    Args:
        connection: The MLflow.
        run_id: Ours.
        story: What is told.

    Returns:
        MLflow's id of the run.
    """
    from mlflow.entities import Metric, Param, RunTag

    client = connection.client
    found = find_run(connection, run_id)
    mlflow_id = found or create_run(connection, run_id, story.name, story.start)
    if found is not None and client.get_run(found).info.lifecycle_stage != "active":
        return mlflow_id
    parameters = [Param(key, value) for key, value in story.parameters.items()]
    tags = [RunTag(key, value) for key, value in story.tags.items()]
    metrics = [Metric(one.key, one.value, one.at, one.step) for one in story.metrics]
    for part in _parts(parameters, MOST_PARAMETERS):
        client.log_batch(mlflow_id, params=part)
    for some in _parts(tags, MOST_PARAMETERS):
        client.log_batch(mlflow_id, tags=some)
    for values in _parts(metrics, MOST_METRICS):
        client.log_batch(mlflow_id, metrics=values)
    _log_data(connection, mlflow_id, story)
    with tempfile.TemporaryDirectory(prefix="mlops-tui-") as folder:
        for name, content in story.files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(mlflow_id, folder)
    client.set_terminated(mlflow_id, status=story.status, end_time=story.end)
    return mlflow_id


def find_run(connection: Connection, run_id: str) -> str | None:
    """MLflow's id of a run of ours, None when it does not know it."""
    found = connection.client.search_runs(
        [connection.experiment_id],
        filter_string=f"tags.`{RUN_TAG}` = '{run_id}'",
        run_view_type=_ALL,
        max_results=1,
    )
    return str(found[0].info.run_id) if found else None


def create_run(connection: Connection, run_id: str, name: str, start: int) -> str:
    """Make the run; it can be found again from the very first moment."""
    run = connection.client.create_run(
        connection.experiment_id, start_time=start, tags={RUN_TAG: run_id}, run_name=name
    )
    return str(run.info.run_id)


def _log_data(connection: Connection, mlflow_id: str, story: Story) -> None:
    if story.data is None:
        return
    from mlflow.entities import Dataset, DatasetInput

    source = json.dumps({"uri": story.data.source})
    data = Dataset(story.data.name, story.data.digest, "local", source)
    connection.client.log_inputs(mlflow_id, datasets=[DatasetInput(data)])


def _parts(values: Sequence[T], size: int) -> Iterator[list[T]]:
    left = iter(values)
    while part := list(islice(left, size)):
        yield part
