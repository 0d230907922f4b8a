"""Steps of deploy_flow."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.config.flow_settings import FlowSettings
from engine.errors import DeployRefusedError, ModelError
from engine.runs.candidate import Candidate
from engine.runs.context import run_context
from engine.store import AliasRegistry, AliasState, open_store
from engine.store.gate import Check
from engine.strategies.picking import strategy_of
from engine.tasks.evaluate import EVALUATION_FILE
from engine.tasks.handoff import CANDIDATE, EVALUATION, datasets_with, folder_of, resolve
from engine.tasks.service import wait_until_served
from engine.tasks.step import step
from models.data_types import TIMESERIES


@dataclass(frozen=True)
class Decision:
    """A candidate that may be deployed, with the numbers that say so."""

    evaluation: dict[str, Any]
    checks: tuple[Check, ...]
    data_type: str
    """What it is for."""
    forced: str = ""
    """Why it may although the gate refused it, "" when the gate let it through."""


@step("decide_deployment")
def decide_deployment(settings: FlowSettings, evaluation: str | None) -> Decision:
    """Hold the measurements against the gate.

    Raises:
        DeployRefusedError: With every number that was not good enough.
    """
    run_id = resolve(EVALUATION, evaluation, settings.deploy.candidate, settings.data_type)
    measured = json.loads(
        (folder_of(EVALUATION, run_id) / EVALUATION_FILE).read_text(encoding="utf-8")
    )
    _check_data_type(measured, settings.data_type)
    checks = strategy_of(settings).checks(measured, settings)
    run_context().outputs["gate"] = [check.to_dict() for check in checks]
    failed = [check for check in checks if not check.passed]
    reason = settings.deploy.force.strip()
    if failed and reason:
        run_context().outputs["forced"] = reason
        return Decision(measured, tuple(checks), settings.data_type, reason)
    if failed:
        raise DeployRefusedError(
            "the gate refuses the candidate: " + "; ".join(check.sentence for check in failed),
            where=f"{measured['model_type']} of run {measured['candidate']}",
            fix="Train a better model, change deploy.gate if the limit is wrong, or say why it is "
            "deployed all the same: --force REASON",
        )
    return Decision(measured, tuple(checks), settings.data_type)


def _check_data_type(measured: Mapping[str, Any], data_type: str) -> None:
    # What was measured before there were others is of series.
    own = measured.get("data_type", TIMESERIES)
    if own != data_type:
        raise ModelError(
            f"this evaluation is of data_type {own}, not {data_type}",
            where=f"run {measured['run']}",
            fix=f"Launch deploy_flow for it: --data-type {own}",
        )


@step("upload_model")
def upload_model(decision: Decision) -> str:
    """Write the candidate into central storage as an immutable version; return its id."""
    context = run_context()
    candidate = Candidate(folder_of(CANDIDATE, decision.evaluation["candidate"]))
    lineage = {
        "training": candidate.training(),
        "evaluation": decision.evaluation,
        "gate": [check.to_dict() for check in decision.checks],
        "forced": decision.forced,
        "deployed_by_run": context.run_id,
    }
    store = open_store(context.workspace)
    return store.add(candidate.bundle, created=time.time(), lineage=lineage).id


@step("put_model_to_service")
def put_model_to_service(version_id: str, decision: Decision) -> AliasState:
    """Make the version the champion; return where the aliases pointed before.

    Raises:
        DeployRefusedError: The champion is no longer the one that the candidate was compared with.
    """
    context = run_context()
    aliases = AliasRegistry(context.workspace.central_storage, decision.data_type)
    before = aliases.read()
    aliases.promote(
        version_id,
        expected=decision.evaluation["champion"],
        who=f"{context.run_table.get(context.run_id).origin}, run {context.run_id[:8]}",
        reason=f"forced: {decision.forced}" if decision.forced else "",
    )
    context.outputs["version"] = version_id
    return before


@step("try_model")
def try_model(version_id: str, settings: FlowSettings) -> None:
    """Open the stored version as a server does, and let it answer real examples.

    Opening verifies every hash and the golden answers; how many further examples it has to answer
    the settings say.

    Raises:
        ModelError: It does not verify, or an answer is not finite.
    """
    context = run_context()
    strategy = strategy_of(settings)
    version = open_store(context.workspace).get(version_id)
    dataset = version.lineage["training"]["dataset"]
    data = strategy.open_data(datasets_with(dataset), dataset)
    strategy.try_out(version.open(), data, settings)


@step("check_service_health")
def check_service_health(version_id: str, settings: FlowSettings) -> None:
    """Wait until the predictor, where one runs, answers with the version.

    Raises:
        ModelError: It cannot, or does not.
    """
    context = run_context()
    context.outputs["served_at"] = wait_until_served(
        context.workspace, version_id, settings.data_type
    )


@step("rollback_model")
def rollback_model(version_id: str, before: AliasState, settings: FlowSettings) -> None:
    """Put the aliases back to where they pointed before this version was promoted."""
    context = run_context()
    aliases = AliasRegistry(context.workspace.central_storage, settings.data_type)
    aliases.withdraw(version_id, restored=before, reason="the predictor cannot serve it")
    context.outputs.pop("version", None)
