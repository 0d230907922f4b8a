from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.runs.context import RunContext, run_context, use_run_context
from engine.runs.progress import ProgressWriter
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from models.data_types import IMAGE, TIMESERIES


@pytest.fixture
def context(tmp_path: Path) -> Iterator[RunContext]:
    workspace = Workspace(tmp_path).create()
    workspace.run_folder("r1").mkdir()
    progress = ProgressWriter(workspace.run_folder("r1"))
    yield RunContext(
        run_id="r1",
        flow="train_flow",
        workspace=workspace,
        table=RunTable(workspace.database),
        handoffs=Handoffs(workspace.database),
        progress=progress,
    )
    progress.close()


def test_a_step_finds_the_run_that_it_belongs_to(context: RunContext) -> None:
    other = replace(context, run_id="r2")
    with use_run_context(context):
        assert run_context() is context
        with use_run_context(other):
            assert run_context() is other
        assert run_context() is context


def test_outside_a_run_there_is_no_context(context: RunContext) -> None:
    with pytest.raises(RuntimeError, match="the step failed"), use_run_context(context):
        raise RuntimeError("the step failed")

    with pytest.raises(LookupError):
        run_context()


def test_what_a_run_leaves_is_signed_with_its_id(context: RunContext) -> None:
    context.hand_over("dataset", "0123", TIMESERIES)
    context.hand_over("dataset", "4567", IMAGE)

    for data_type, value in ((TIMESERIES, "0123"), (IMAGE, "4567")):
        left = context.handoffs.take("dataset", data_type)
        assert left is not None
        assert (left.value, left.run_id) == (value, "r1")


def test_a_run_has_a_folder_of_its_own(context: RunContext, tmp_path: Path) -> None:
    assert context.folder == tmp_path / "runs" / "r1"
