"""The peer of the mirror: the same runs told to MLflow value by value, as its quick start does.

python _mlflow_one_by_one.py WORKSPACE DATABASE RUN...   prints the seconds that each run took
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import mlflow

from engine.masking import Masker
from engine.tables.runs import RunTable
from engine.tracking.story import Story, story_of
from engine.workspace import Workspace


def main() -> None:
    """Tell of each run."""
    workspace, database, *run_ids = sys.argv[1:]
    place = Workspace(Path(workspace))
    mlflow.set_tracking_uri(f"sqlite:///{database}")
    mlflow.create_experiment("peer", artifact_location=str(Path(database).parent / "artifacts"))
    mlflow.set_experiment("peer")
    table = RunTable(place.database)
    seconds = []
    for run_id in run_ids:
        story = story_of(table.get(run_id), place.run_folder(run_id), Masker())
        begin = time.perf_counter()
        _tell(story)
        seconds.append(time.perf_counter() - begin)
    print(json.dumps(seconds))


def _tell(story: Story) -> None:
    with mlflow.start_run(run_name=story.name), tempfile.TemporaryDirectory() as folder:
        for key, value in story.parameters.items():
            mlflow.log_param(key, value)
        for one in story.metrics:
            mlflow.log_metric(one.key, one.value, step=one.step)
        for key, value in story.tags.items():
            mlflow.set_tag(key, value)
        for name, content in story.files.items():
            path = Path(folder) / Path(name).name
            path.write_bytes(content)
            mlflow.log_artifact(str(path))


if __name__ == "__main__":
    main()
