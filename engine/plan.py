"""What a launch would do: its steps, what they work on, and whether that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config.image_settings import ImageSettings
from engine.config.launched_type import with_data_type
from engine.config.series_settings import SeriesSettings
from engine.data.catalogue import list_datasets
from engine.errors import NotFoundError
from engine.runs.candidate import CANDIDATE_FOLDER
from engine.store import AliasRegistry
from engine.strategies.sources import source_of
from engine.strategies.step_names import STEPS, step_name
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable

if TYPE_CHECKING:
    from engine.config.flow_settings import FlowSettings
    from engine.workspace import Workspace

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
        data_type: On which kind of data.
        flows: Its flows in order, itself when it is but one.
        input: What it would begin with.
        model: Type, shape of what it takes and gives, seed, of a run that trains; else None.
        champion: The version that a candidate would be held against; None when there is none, or
            nothing is measured.
    """

    flow: str
    data_type: str
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


def plan_run(workspace: Workspace, settings: FlowSettings) -> Plan:
    """Plan a run of the flow that the settings are for; nothing is launched or changed.

    Raises:
        StorageError: A database of the workspace cannot be read.
    """
    flow = settings.flow_module
    measures = flow in ("eval_flow", "deploy_flow", "full_flow")
    aliases = AliasRegistry(workspace.central_storage, settings.data_type)
    champion = aliases.read().champion if measures else None
    trains = flow in ("train_flow", "full_flow")
    model = settings.model
    return Plan(
        flow=flow,
        data_type=settings.data_type,
        flows=tuple(_flows(flow, settings, workspace.root)),
        input=_INPUTS[flow](workspace, settings),
        model={"model_type": model.model_type, **_shape(settings), "seed": settings.train.seed}
        if trains
        else None,
        champion=champion,
    )


def _shape(settings: FlowSettings) -> dict[str, Any]:
    """What the model would take and give, as far as settings say it."""
    if isinstance(settings, SeriesSettings):
        return {"window": settings.model.window, "horizon": settings.model.horizon}
    assert isinstance(settings, ImageSettings), "there are two kinds of settings"
    size = settings.dataset.size
    # Else the pictures decide, which nothing has looked at yet.
    return {} if size is None else {"height": size[0], "width": size[1]}


def _flows(flow: str, settings: FlowSettings, root: Path) -> Iterator[PlannedFlow]:
    for name in STEPS if flow == "full_flow" else (flow,):
        yield PlannedFlow(name, tuple(step_name(step, settings, root) for step in STEPS[name]))


def _source(workspace: Workspace, settings: FlowSettings) -> PlannedInput:
    value, is_there = source_of(settings, root=workspace.root)
    # What is wrong with what is there only reading it tells.
    return PlannedInput("source", value, "" if is_there else "there is no such file")


def _dataset(workspace: Workspace, settings: FlowSettings) -> PlannedInput:
    chosen = _chosen(workspace, _DATASET, settings.train.dataset, settings)
    if chosen is None:
        return _nothing_yet(_DATASET, "data_flow", settings)
    known = chosen in list_datasets(workspace.datasets)
    return PlannedInput(_DATASET, chosen, "" if known else "there is no such data set")


def _candidate(workspace: Workspace, settings: FlowSettings) -> PlannedInput:
    configured = settings.evaluate.candidate
    return _left_by_run(workspace, CANDIDATE_FOLDER, configured, "train_flow", settings)


def _evaluation(workspace: Workspace, settings: FlowSettings) -> PlannedInput:
    configured = settings.deploy.candidate
    return _left_by_run(workspace, _EVALUATION, configured, "eval_flow", settings)


_INPUTS: dict[str, Callable[[Workspace, FlowSettings], PlannedInput]] = {
    "data_flow": _source,
    "train_flow": _dataset,
    "eval_flow": _candidate,
    "deploy_flow": _evaluation,
    "full_flow": _source,
}


def _left_by_run(
    workspace: Workspace, kind: str, configured: str, maker: str, settings: FlowSettings
) -> PlannedInput:
    chosen = _chosen(workspace, kind, configured, settings)
    if chosen is None:
        return _nothing_yet(kind, maker, settings)
    try:
        run_id = RunTable(workspace.database).get(chosen).id
    except NotFoundError as error:
        return PlannedInput(kind, chosen, error.what)
    is_there = (workspace.run_folder(run_id) / kind).is_dir()
    return PlannedInput(kind, run_id, "" if is_there else f"this run left no {kind}")


def _chosen(workspace: Workspace, kind: str, configured: str, settings: FlowSettings) -> str | None:
    if configured != _LATEST:
        return configured
    handoff = Handoffs(workspace.database).take(kind, settings.data_type)
    return handoff.value if handoff else None


def _nothing_yet(kind: str, maker: str, settings: FlowSettings) -> PlannedInput:
    command = with_data_type(f"engine run {maker}", settings.data_type)
    return PlannedInput(kind, "", f"there is no {kind} yet; run {maker} first: {command}")
