"""What a launch would do: its steps, what they work on, and whether that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config.values import without_passwords
from engine.data.catalogue import list_datasets
from engine.data.location import source_kind, source_path
from engine.errors import NotFoundError
from engine.runs.candidate import CANDIDATE_FOLDER
from engine.store import AliasRegistry
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable

if TYPE_CHECKING:
    from engine.config.settings import Settings
    from engine.workspace import Workspace

LOADING = "load_time_series"
STEPS: dict[str, tuple[str, ...]] = {
    "data_flow": (
        LOADING,
        "validate_data",
        "prepare_time_series_data",
        "split_time_series_data",
    ),
    "train_flow": (
        "open_training_data",
        "build_model",
        "train_model",
        "calibrate_intervals",
        "refit_model",
        "save_model",
    ),
    "eval_flow": ("open_candidate", "evaluate_model", "evaluate_baselines"),
    "deploy_flow": (
        "decide_deployment",
        "upload_model",
        "try_model",
        "put_model_to_service",
        "check_service_health",
    ),
}
"""Steps of each flow in order, by the names of their tasks; a test holds them to the flows."""

_DATASET, _EVALUATION = "dataset", "evaluation"
_LATEST = "latest"


@dataclass(frozen=True)
class PlannedFlow:
    """One flow of a run, with the names of its steps."""

    flow: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class PlannedInput:
    """What a run would begin with.

    Attributes:
        kind: source, dataset, candidate or evaluation.
        value: A path, a URL without passwords, or an id; "" when there is none.
        problem: Why the run could not begin with it, "" when it can.
    """

    kind: str
    value: str
    problem: str = ""


@dataclass(frozen=True)
class Plan:
    """What a launch would do.

    Attributes:
        flow: Which flow.
        flows: Its flows in order, itself when it is but one.
        input: What it would begin with.
        model: Type, window, horizon and seed, of a run that trains; else None.
        champion: The version that a candidate would be held against; None when there is none, or
            nothing is measured.
    """

    flow: str
    flows: tuple[PlannedFlow, ...]
    input: PlannedInput
    model: dict[str, Any] | None
    champion: str | None

    @property
    def can_begin(self) -> bool:
        """Whether what it would begin with is there."""
        return not self.input.problem

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {**asdict(self), "can_begin": self.can_begin}


def plan_run(workspace: Workspace, settings: Settings) -> Plan:
    """Plan a run of the flow that the settings are for; nothing is launched or changed.

    Raises:
        StorageError: A database of the workspace cannot be read.
    """
    flow = settings.flow_module
    measures = flow in ("eval_flow", "deploy_flow", "full_flow")
    champion = AliasRegistry(workspace.central_storage).read().champion if measures else None
    trains = flow in ("train_flow", "full_flow")
    model = settings.model
    return Plan(
        flow=flow,
        flows=tuple(_flows(flow, settings, workspace.root)),
        input=_INPUTS[flow](workspace, settings),
        model={
            "model_type": model.model_type,
            "window": model.window,
            "horizon": model.horizon,
            "seed": settings.train.seed,
        }
        if trains
        else None,
        champion=champion,
    )


def _flows(flow: str, settings: Settings, root: Path) -> Iterator[PlannedFlow]:
    for name in STEPS if flow == "full_flow" else (flow,):
        loading = f"{LOADING}_{source_kind(settings.dataset, root=root)}"
        yield PlannedFlow(name, tuple(loading if s == LOADING else s for s in STEPS[name]))


def _source(workspace: Workspace, settings: Settings) -> PlannedInput:
    dataset = settings.dataset
    if dataset.url is not None:
        return PlannedInput("source", without_passwords(dataset.url))
    path = source_path(dataset, root=workspace.root)
    # What is wrong with a file that is there only reading it tells.
    return PlannedInput("source", str(path), "" if path.is_file() else "there is no such file")


def _dataset(workspace: Workspace, settings: Settings) -> PlannedInput:
    chosen = _chosen(workspace, _DATASET, settings.train.dataset)
    if chosen is None:
        return _nothing_yet(_DATASET, "data_flow")
    known = chosen in list_datasets(workspace.datasets)
    return PlannedInput(_DATASET, chosen, "" if known else "there is no such data set")


def _candidate(workspace: Workspace, settings: Settings) -> PlannedInput:
    return _left_by_run(workspace, CANDIDATE_FOLDER, settings.evaluate.candidate, "train_flow")


def _evaluation(workspace: Workspace, settings: Settings) -> PlannedInput:
    return _left_by_run(workspace, _EVALUATION, settings.deploy.candidate, "eval_flow")


_INPUTS: dict[str, Callable[[Workspace, Settings], PlannedInput]] = {
    "data_flow": _source,
    "train_flow": _dataset,
    "eval_flow": _candidate,
    "deploy_flow": _evaluation,
    "full_flow": _source,
}


def _left_by_run(workspace: Workspace, kind: str, configured: str, maker: str) -> PlannedInput:
    chosen = _chosen(workspace, kind, configured)
    if chosen is None:
        return _nothing_yet(kind, maker)
    try:
        run_id = RunTable(workspace.database).get(chosen).id
    except NotFoundError as error:
        return PlannedInput(kind, chosen, error.what)
    is_there = (workspace.run_folder(run_id) / kind).is_dir()
    return PlannedInput(kind, run_id, "" if is_there else f"this run left no {kind}")


def _chosen(workspace: Workspace, kind: str, configured: str) -> str | None:
    if configured != _LATEST:
        return configured
    handoff = Handoffs(workspace.database).take(kind)
    return handoff.value if handoff else None


def _nothing_yet(kind: str, maker: str) -> PlannedInput:
    return PlannedInput(kind, "", f"there is no {kind} yet; run {maker} first: engine run {maker}")
