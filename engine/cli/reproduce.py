"""`engine reproduce`: train a version again and say whether it comes out the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    CommandLine,
    alias_type_option,
    json_option,
    pass_command_line,
    workspace_option,
)
from models.data_types import IMAGE, TIMESERIES

if TYPE_CHECKING:
    from engine.store.reproduction import Reproduction

_A_WEEK_OF_SECONDS = 604_800


@click.command("reproduce")
@click.argument("version", metavar="VERSION")
@alias_type_option
@json_option
@workspace_option
@pass_command_line
def reproduce(line: CommandLine, version: str, data_type: str | None) -> int:
    """Train a version again, from its data set, settings and seed, and compare the answers.

    VERSION is an id or an alias. The training is a run like any other; what it makes is not taken
    up by eval_flow. Says what is different from then when the answers are.
    """
    from engine.cli.connect import connected, origin
    from engine.cli.ctrl_c import HeldCtrlC
    from engine.cli.exit_codes import ExitCode
    from engine.cli.follow import follow_to_end, report_end
    from engine.cli.output import write_json
    from engine.cli.versions import resolve_version
    from engine.client import calls
    from engine.runs.candidate import Candidate
    from engine.store.reproduction import compare

    chosen = resolve_version(line, version, data_type)
    training = chosen.lineage["training"]
    _check_dataset(line, training["dataset"], chosen.id)
    overrides = _overrides(training, chosen.data_type)
    with connected(line) as engine, HeldCtrlC() as ctrl_c:
        call = calls.launch("train_flow", overrides=overrides, origin=origin())
        run = engine.send(call).run
        detail = follow_to_end(line, engine, run, ctrl_c)
    if detail.run.state != "COMPLETED":
        return report_end(line, detail)
    candidate = Candidate.of_run(line.workspace.run_folder(run.id))
    found = compare(chosen, candidate.bundle, candidate.training())
    if line.json:
        write_json({**found.to_dict(), "run": run.id})
    else:
        _tell(found)
    return ExitCode.FAILED if found.verdict == "different" else ExitCode.OK


def _check_dataset(line: CommandLine, dataset: str, version: str) -> None:
    from engine.errors import NotFoundError

    if not (line.workspace.datasets / dataset).is_dir():
        raise NotFoundError(
            f"its data set {dataset} is not in this workspace",
            where=f"version {version}",
            fix="engine run data_flow on the same source, with the same rules, makes it again",
        )


def _overrides(training: Mapping[str, Any], data_type: str) -> list[str]:
    import json

    from engine.store.reproduction import trials_made

    model = training["model"]
    values = {
        "data_type": data_type,
        "train.dataset": training["dataset"],
        "train.seed": model["seed"],
        "train.threads": training.get("threads", 0),
        "train.hand_over": False,
        "model.model_type": model["model_type"],
        **_OF_MODEL[data_type](training),
        "train.refit": training.get("settings", {}).get("train", {}).get("refit", False),
    }
    hparams = dict(model["hyperparameters"])
    if tried := trials_made(training):
        # A search tries other types with what is configured for them, and here as many models as
        # then, however long they take today.
        configured = training.get("settings", {}).get("train", {}).get("hparams", {})
        hparams = configured | hparams | {"trials": tried, "time_budget": _A_WEEK_OF_SECONDS}
    values |= {f"train.hparams.{name}": part for name, part in hparams.items()}
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]


def _of_forecaster(training: Mapping[str, Any]) -> dict[str, Any]:
    model = training["model"]
    return {
        "model.window": model["window"],
        "model.horizon": model["horizon"],
        "model.objective": model.get("objective", "median"),
    }


def _of_classifier(training: Mapping[str, Any]) -> dict[str, Any]:
    """Size and classes are those of the data set; weights that it began with are a setting."""
    pretrained = training.get("settings", {}).get("model", {}).get("pretrained")
    return {"model.pretrained": pretrained}


_OF_MODEL: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    TIMESERIES: _of_forecaster,
    IMAGE: _of_classifier,
}


def _tell(found: Reproduction) -> None:
    from engine.cli.output import write_text
    from engine.text import printable

    verdicts = {
        "identical": "identical: the model has the same bytes",
        "same answers": "same answers, within the rounding of single precision",
        "different": "different",
    }
    write_text(f"{found.version}: {verdicts[found.verdict]}")
    write_text(f"  largest difference of an answer: {found.largest_difference:.3g}")
    for difference in found.differences:
        name, then, now = (
            printable(str(part)) for part in (difference.name, difference.then, difference.now)
        )
        write_text(f"  {name}: {now}, then {then}")
    if found.verdict == "different" and not found.differences:
        write_text("  nothing that is recorded differs")
