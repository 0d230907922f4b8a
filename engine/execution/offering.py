"""What a run is told that is done elsewhere, once the other machine can have what it works on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.config.flow_settings import FlowSettings
from engine.runs.candidate import Candidate
from engine.runs.context import RunContext, use_run_context
from engine.runs.placing import Placement, home_id
from engine.store import AliasRegistry, open_store
from engine.tasks.handoff import CANDIDATE, DATASET, folder_of, resolve


def parameters_of(
    context: RunContext, settings: FlowSettings, given: str | None = None
) -> dict[str, Any]:
    """The parameters of the flow run of a run that is done elsewhere.

    `latest` is replaced by the id that it stands for now, and what the ids name is shared.

    Args:
        context: The run, with the flow that is to be done.
        settings: Its settings.
        given: What the flow before handed on directly, within one run.

    Raises:
        NotFoundError: There is nothing yet that it could work on.
        StorageError: The storage cannot be reached.
    """
    values = settings.model_dump(mode="json")
    champion = None
    with use_run_context(context):
        if context.flow == "train_flow":
            dataset = resolve(DATASET, given, settings.train.dataset, settings.data_type)
            _share_dataset(context, dataset)
            values["train"]["dataset"] = dataset
        elif context.flow == "eval_flow":
            run_id = resolve(CANDIDATE, given, settings.evaluate.candidate, settings.data_type)
            candidate = Candidate(folder_of(CANDIDATE, run_id))
            _share_dataset(context, str(candidate.training()["dataset"]))
            full_id = candidate.folder.parent.name
            _share(context, CANDIDATE, full_id, candidate.folder)
            values["evaluate"]["candidate"] = full_id
            champion = _shared_champion(context, settings.data_type)
    home = home_id(context.workspace.root)
    placement = Placement(run_id=context.run_id, attempt=1, home=home, champion=champion)
    return {"settings": values, "placement": placement.to_dict()}


def _shared_champion(context: RunContext, data_type: str) -> str | None:
    champion = AliasRegistry(context.workspace.central_storage, data_type).read().champion
    if champion is not None:
        # It may have been deployed before machines shared a storage.
        open_store(context.workspace).share(champion)
    return champion


def _share_dataset(context: RunContext, dataset_id: str) -> None:
    folder = context.workspace.datasets / dataset_id
    if folder.is_dir():
        # Named by its content, and the same for everybody: it is nobody's.
        assert context.depot is not None, "the settings ask for a storage with a pool"
        context.depot.put(f"{DATASET}s", dataset_id, folder)


def _share(context: RunContext, kind: str, name: str, folder: Path) -> None:
    assert context.depot is not None, "the settings ask for a storage with a pool"
    context.depot.put(f"{kind}s", name, folder, home=home_id(context.workspace.root))
