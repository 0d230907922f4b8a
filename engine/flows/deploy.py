"""deploy_flow: from a measured candidate to the version that serves."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.errors import ModelError
from engine.flows.declare import declare_flow
from engine.tasks.deploy import (
    check_service_health,
    decide_deployment,
    put_model_to_service,
    rollback_model,
    try_model,
    upload_model,
)


@declare_flow("deploy_flow")
def deploy_flow(settings: FlowSettings, evaluation: str | None = None) -> str:
    """Let a measured candidate through the gate, store it, and make it the champion.

    Args:
        settings: `deploy`.
        evaluation: Id of the run that measured it; default is what `deploy.candidate` names.

    Returns:
        Id of the deployed version.

    Raises:
        DeployRefusedError: With each number that was not good enough; the champion stays.
        ModelError: The stored version does not work, and was never the champion; or the predictor
            cannot serve it, and the champion of before is back.
    """
    decision = decide_deployment(settings, evaluation)
    version_id = upload_model(decision)
    try_model(version_id, settings)
    before = put_model_to_service(version_id, decision)
    try:
        check_service_health(version_id, settings)
    except ModelError:
        rollback_model(version_id, before, settings)
        raise
    return version_id
