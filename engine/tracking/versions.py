"""Versions of ours as versions of registered models, and the aliases that say which one serves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.store import CHAMPION, PREVIOUS, AliasState, Version
from engine.tracking.connection import Connection
from engine.tracking.limits import MOST_TAG, cut
from engine.tracking.model_folder import write_model_folder
from engine.tracking.names import training_run
from engine.tracking.runs import create_run, find_run

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

VERSION_TAG = "mlops_tui.version"
"""Tag by which a version of ours is found again."""

_ARTIFACTS = "model"


def mirror_version(connection: Connection, name: str, version: Version) -> str:
    """Register a version; one that is registered already is left as it is.

    Its files go to the run that trained it. Where MLflow has never heard of that run, because it
    was deleted here before or went on in another workspace, a run is made from what the version
    knows of it.

    Args:
        connection: The MLflow.
        name: Of the registered model.
        version: Ours.

    Returns:
        MLflow's number of the version.

    Raises:
        ModelError: The bundle does not verify.
        StorageError: It has to be fetched, and cannot be.
    """
    client = connection.client
    found = find_version(connection, name, version.id)
    if found is not None:
        return str(found.version)
    mlflow_run = _run_of(connection, version)
    folder = f"{_ARTIFACTS}/{version.id}"
    with tempfile.TemporaryDirectory(prefix="mlops-tui-") as temporary:
        write_model_folder(version, Path(temporary))
        client.log_artifacts(mlflow_run, temporary, folder)
    root = str(client.get_run(mlflow_run).info.artifact_uri).rstrip("/")
    made = client.create_model_version(
        name,
        source=f"{root}/{folder}",
        run_id=mlflow_run,
        # With the version itself: killed now, it is found the next time.
        tags=_tags(version),
        description=_words(version),
        await_creation_for=0,
    )
    return str(made.version)


def find_version(connection: Connection, name: str, version_id: str) -> ModelVersion | None:
    """The registered version of one of ours."""
    found = connection.client.search_model_versions(
        f"name = '{name}' and tags.`{VERSION_TAG}` = '{version_id}'", max_results=1
    )
    return found[0] if found else None


def ensure_model(connection: Connection, name: str, data_type: str) -> dict[str, str]:
    """Make the registered model when there is none; return its aliases, with their versions."""
    from mlflow.exceptions import MlflowException

    client = connection.client
    try:
        model = client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        words = f"Versions of data_type {data_type} that mlops-tui deployed."
        model = client.create_registered_model(name, description=words)
    return {alias: str(number) for alias, number in model.aliases.items()}


def mirror_aliases(connection: Connection, name: str, state: AliasState, data_type: str) -> None:
    """Let champion and previous name there what they name here.

    A version that is not there yet is passed over: it comes with a later attempt.
    """
    there = ensure_model(connection, name, data_type)
    here = {CHAMPION: state.champion, PREVIOUS: state.previous}
    missing = []
    for alias, version_id in here.items():
        if version_id is None:
            if alias in there:
                connection.client.delete_registered_model_alias(name, alias)
            continue
        found = find_version(connection, name, version_id)
        if found is None:
            missing.append(f"{alias} {version_id}")
        elif there.get(alias) != str(found.version):
            connection.client.set_registered_model_alias(name, alias, str(found.version))
    if missing:
        raise LookupError(f"not registered in MLflow yet: {', '.join(missing)}")


def _run_of(connection: Connection, version: Version) -> str:
    run_id = training_run(version) or version.id
    found = find_run(connection, run_id)
    if found is not None:
        return found
    start = int(version.created * 1000)
    made = create_run(connection, run_id, version.id, start)
    for key, value in _tags(version).items():
        connection.client.set_tag(made, key, value)
    connection.client.set_terminated(made, status="FINISHED", end_time=start)
    return made


def _tags(version: Version) -> dict[str, str]:
    training: dict[str, Any] = version.lineage.get("training", {})
    known = {
        VERSION_TAG: version.id,
        "mlops_tui.model_type": version.model_type,
        "mlops_tui.data_type": version.data_type,
        "mlops_tui.run": training_run(version),
        "mlops_tui.deployed_by_run": version.lineage.get("deployed_by_run"),
        "mlops_tui.dataset": training.get("dataset"),
        "mlops_tui.dataset_hash": training.get("dataset_hash"),
        "mlops_tui.code": training.get("environment", {}).get("code of models"),
        "mlops_tui.forced": version.lineage.get("forced"),
    }
    return {key: cut(str(value), MOST_TAG) for key, value in known.items() if value}


def _words(version: Version) -> str:
    """A few lines of Markdown: what the gate said of it."""
    lines = [f"`{version.id}`, a **{version.model_type}**."]
    for check in version.lineage.get("gate") or []:
        if isinstance(check, dict) and "sentence" in check:
            lines += ["", f"- {check['sentence']}"]
    return "\n".join(lines)
