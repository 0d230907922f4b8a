"""What one flow leaves for the next, and how the next one finds it."""

from __future__ import annotations

from pathlib import Path

from engine.config.launched_type import with_data_type
from engine.errors import NotFoundError
from engine.runs.candidate import CANDIDATE_FOLDER
from engine.runs.context import run_context

LATEST = "latest"

DATASET = "dataset"
"""Left by data_flow: the id of a data set."""

CANDIDATE = CANDIDATE_FOLDER
"""Left by train_flow: the id of the run whose folder holds the candidate."""

EVALUATION = "evaluation"
"""Left by eval_flow: the id of the run whose folder holds the evaluation."""

_MAKERS = {DATASET: "data_flow", CANDIDATE: "train_flow", EVALUATION: "eval_flow"}


def resolve(kind: str, given: str | None, configured: str, data_type: str) -> str:
    """Return the value that a flow works on.

    Args:
        kind: DATASET, CANDIDATE or EVALUATION.
        given: What the flow before handed on directly, within one run.
        configured: The setting: `latest`, or an id.
        data_type: For which kind of data the newest counts.

    Raises:
        NotFoundError: Nothing was left yet.
    """
    if given is not None:
        return given
    if configured != LATEST:
        return configured
    handoff = run_context().handoffs.take(kind, data_type)
    if handoff is None:
        maker = _MAKERS[kind]
        raise NotFoundError(
            f"there is no {kind} of data_type {data_type} yet",
            fix=f"Run {maker} first: {with_data_type(f'engine run {maker}', data_type)}",
        )
    return handoff.value


def datasets_with(dataset_id: str) -> Path:
    """Return the folder of all data sets, after one that another machine made was fetched.

    Raises:
        DataError: It is not what was written.
        StorageError: It cannot be fetched.
    """
    context = run_context()
    context.fetch(DATASET, dataset_id, context.workspace.datasets / dataset_id)
    return context.workspace.datasets


def folder_of(kind: str, run_id: str) -> Path:
    """Return the folder in which a run left something of a kind.

    Raises:
        NotFoundError: The run is unknown, or left nothing of the kind.
    """
    context = run_context()
    full_id = context.table.get(run_id).id if context.table else run_id
    folder = context.workspace.run_folder(full_id) / kind
    context.fetch(kind, full_id, folder)
    if not folder.is_dir():
        raise NotFoundError(
            f"run {run_id} left no {kind}",
            where=str(folder),
            fix=f"Runs of {_MAKERS[kind]} and full_flow do, when they get that far",
        )
    return folder
