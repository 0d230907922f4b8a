"""What MLflow is told of a run: parameters, metrics, tags, files, read from the run's folder.

The table of runs and the folder say everything, so it can be told long after the run, and again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from engine.masking import Masker
from engine.runs.candidate import Candidate
from engine.runs.log import tail_log
from engine.runs.order import CONFIG_FILE
from engine.runs.outcome import RESULT_FILE
from engine.runs.progress import ProgressReader
from engine.tables.run_record import RunRecord
from engine.tracking.limits import MOST_TAG, cut, key_of

RUN_TAG = "mlops_tui.run"
"""Tag by which a run of ours is found again."""

STATUS = {
    "COMPLETED": "FINISHED",
    "FAILED": "FAILED",
    "CRASHED": "FAILED",
    "CANCELLED": "KILLED",
}
"""What MLflow calls our final states."""

_LOG_LINES = 2000
_MOST_FILE_BYTES = 8 * 1024**2
_FOLDERS = ("evaluation", "reports")
_NOT_MEASURES = frozenset({"at", "kind", "step", "done", "total", "origin", "day"})
_SHORT_STEP = {"train_model": "train", "refit_model": "refit"}
_MASKS_TEXT = frozenset({".yaml", ".json", ".txt", ".md", ".csv", ".html"})


class Measured(NamedTuple):
    """One value of a metric: its name, the value, when (ms since the epoch) and at which step."""

    key: str
    value: float
    at: int
    step: int


@dataclass(frozen=True)
class DataUsed:
    """The data set that a run worked with."""

    name: str
    digest: str
    source: str


@dataclass(frozen=True)
class Story:
    """Everything that MLflow is told of one run.

    Attributes:
        name: Of the run.
        status: FINISHED, FAILED or KILLED.
        start: Milliseconds since the epoch.
        end: Likewise.
        parameters: By name.
        metrics: In the order in which they were measured.
        tags: By name.
        files: Contents by path.
        data: What it worked with, None when that is not known.
    """

    name: str
    status: str
    start: int
    end: int
    parameters: dict[str, str]
    metrics: list[Measured]
    tags: dict[str, str]
    files: dict[str, bytes] = field(repr=False)
    data: DataUsed | None


def story_of(record: RunRecord, folder: Path, masker: Masker) -> Story:
    """Read what is known of a run that has ended.

    Args:
        record: The run.
        folder: Its folder, which may lack anything: the run may have died at any moment.
        masker: Blanks out secrets.
    """
    assert record.ended is not None, "only what has ended is told"
    settings = _mapping(_read(folder / CONFIG_FILE), yaml.safe_load) or record.parameters
    result = _mapping(_read(folder / RESULT_FILE), json.loads)
    training = _mapping(_read(Candidate.of_run(folder).folder / "training.json"), json.loads)
    evaluation = _mapping(_read(folder / "evaluation" / "evaluation.json"), json.loads)
    outputs = result.get("outputs", {})
    end = _milliseconds(record.ended)
    metrics = [
        *_of_progress(ProgressReader(folder).new_events()),
        *_of_evaluation(evaluation, end),
        *_of_training(training, end),
        *_of_usage(record, end),
    ]
    data = _data(settings, training, evaluation, outputs, masker)
    tags = _tags(record, settings, training, evaluation, outputs, data)
    return Story(
        name=record.name,
        status=STATUS[record.state],
        start=_milliseconds(record.started or record.created),
        end=end,
        parameters=_masked(_parameters(settings, training), masker),
        metrics=metrics,
        tags=_masked(tags, masker),
        files=_files(folder, outputs, masker),
        data=data,
    )


def _parameters(settings: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, str]:
    """The effective settings; of hyper-parameters, those of the model that was trained."""
    flat = dict(_flattened(settings))
    own = training.get("model", {}).get("hyperparameters")
    if isinstance(own, dict):
        flat = {key: value for key, value in flat.items() if not key.startswith("train.hparams.")}
        flat |= {f"train.hparams.{key}": value for key, value in own.items()}
    texts = {key_of(key): cut(_text(value)) for key, value in flat.items() if value is not None}
    return {key: text for key, text in texts.items() if text}


def _flattened(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _of_progress(events: Sequence[Mapping[str, Any]]) -> Iterator[Measured]:
    """Curves: one value for each epoch, round, member or trial.

    The trials of a search are steps of one curve, not runs of their own: a hundred of them cost
    one request then, and not three hundred. What each of them was stands in leaderboard.json.
    """
    for event in events:
        step, done = event.get("step"), event.get("done")
        if not isinstance(step, str) or not isinstance(done, int):
            continue
        at = _milliseconds(event["at"])
        name = _SHORT_STEP.get(step, step)
        for key, value in event.items():
            if key not in _NOT_MEASURES and _is_number(value):
                yield Measured(key_of(f"{name}/{event['kind']}/{key}"), float(value), at, done)


def _of_evaluation(evaluation: Mapping[str, Any], at: int) -> Iterator[Measured]:
    """What was measured on the test part: as a whole, of each fold, and for each day ahead."""
    for who, summary in evaluation.get("scores", {}).items():
        if not isinstance(summary, dict):
            continue
        for key, value in summary.get("overall", {}).items():
            if _is_number(value):
                yield Measured(key_of(f"test/{who}/{key}"), float(value), at, 0)
        for kind, rows in (("fold", summary.get("folds")), ("ahead", summary.get("ahead"))):
            for number, row in enumerate(rows if isinstance(rows, list) else [], 1):
                for key, value in row.items():
                    if key not in _NOT_MEASURES and _is_number(value):
                        name = key_of(f"test/{who}/{kind}/{key}")
                        yield Measured(name, float(value), at, number)


def _of_training(training: Mapping[str, Any], at: int) -> Iterator[Measured]:
    for part in ("fit", "refit"):
        for key, value in (training.get(part) or {}).items():
            if _is_number(value):
                yield Measured(key_of(f"{part}/{key}"), float(value), at, 0)


def _of_usage(record: RunRecord, at: int) -> Iterator[Measured]:
    if record.started is not None and record.ended is not None:
        yield Measured("run/seconds", max(record.ended - record.started, 0.0), at, 0)
    if record.cpu_seconds is not None:
        yield Measured("run/cpu_seconds", record.cpu_seconds, at, 0)
    if record.peak_bytes is not None:
        yield Measured("run/peak_bytes", float(record.peak_bytes), at, 0)


def _data(
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    outputs: Mapping[str, Any],
    masker: Masker,
) -> DataUsed | None:
    digest = training.get("dataset") or outputs.get("dataset") or evaluation.get("dataset")
    if not isinstance(digest, str):
        return None
    section = training.get("settings", {}).get("dataset") or settings.get("dataset") or {}
    sources = (section.get(key) for key in ("file_path", "url", "query", "table", "ds_root"))
    source = masker.mask(next((str(one) for one in sources if one), ""))
    return DataUsed(cut(str(section.get("ds_name") or "data"), 500), digest[:36], source)


def _tags(
    record: RunRecord,
    settings: Mapping[str, Any],
    training: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    outputs: Mapping[str, Any],
    data: DataUsed | None,
) -> dict[str, str]:
    model = settings.get("model", {})
    environment = training.get("environment", {})
    known = {
        RUN_TAG: record.id,
        "mlops_tui.flow": record.flow,
        "mlops_tui.state": record.state,
        "mlops_tui.message": record.message,
        "mlops_tui.origin": record.origin,
        "mlops_tui.rerun_of": record.rerun_of,
        "mlops_tui.tags": " ".join(record.tags),
        "mlops_tui.data_type": settings.get("data_type"),
        "mlops_tui.model_type": evaluation.get("model_type") or model.get("model_type"),
        "mlops_tui.dataset": data.digest if data else None,
        "mlops_tui.dataset_hash": training.get("dataset_hash"),
        "mlops_tui.candidate": evaluation.get("candidate") or outputs.get("candidate"),
        "mlops_tui.version": outputs.get("version"),
        "mlops_tui.code": environment.get("code of models"),
        "mlops_tui.program": environment.get("mlops-tui"),
        "mlflow.runName": record.name,
        "mlflow.source.name": record.flow,
        "mlflow.source.type": "JOB",
        "mlflow.user": record.origin.partition(",")[0],
    }
    tags = {key: cut(str(value), MOST_TAG) for key, value in known.items() if value}
    return tags | {"mlflow.note.content": cut(_note(record, outputs, tags), MOST_TAG)}


def _note(record: RunRecord, outputs: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    """A few lines of Markdown."""
    model = tags.get("mlops_tui.model_type")
    lines = [f"`{record.flow}`{f' of **{model}**' if model else ''}: {record.state}"]
    if record.message:
        lines += ["", f"> {record.message}"]
    if "mlops_tui.version" in tags:
        lines += ["", f"Deployed as `{tags['mlops_tui.version']}`."]
    for check in outputs.get("gate") or []:
        if isinstance(check, dict) and "sentence" in check:
            lines += [
                "",
                f"- {'passed' if check.get('passed') else 'refused'}: {check['sentence']}",
            ]
    return "\n".join([*lines, "", f"`engine run show {record.id[:8]}`"])


def _files(folder: Path, outputs: Mapping[str, Any], masker: Masker) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    found = [folder / CONFIG_FILE, folder / RESULT_FILE]
    for name in _FOLDERS:
        found += sorted(path for path in (folder / name).rglob("*"))
    for path in found:
        content = _read(path)
        if content is not None and path.suffix in _MASKS_TEXT:
            content = masker.mask(content.decode(errors="replace")).encode()
        if content is not None:
            files[path.relative_to(folder).as_posix()] = content
    lines = tail_log(folder, _LOG_LINES, ended=True).lines
    if lines:
        files["log.txt"] = masker.mask("\n".join([*lines, ""])).encode()
    if outputs.get("leaderboard"):
        text = json.dumps(outputs["leaderboard"], indent=2, ensure_ascii=False)
        files["leaderboard.json"] = masker.mask(text).encode()
    return files


def _read(path: Path) -> bytes | None:
    """A file of moderate size; None where there is none, or what is there is something else."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_FILE_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None


def _mapping(content: bytes | None, parse: Any) -> dict[str, Any]:
    """What a file of our own says; one that was cut short by a full disk says nothing."""
    if content is None:
        return {}
    try:
        parsed = parse(content.decode())
    except (ValueError, RecursionError, yaml.YAMLError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _masked(texts: Mapping[str, str], masker: Masker) -> dict[str, str]:
    return {key: masker.mask(value) for key, value in texts.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
