"""A stored version as text: how good it is, what it is made of, where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from textwrap import wrap
from typing import Any

from engine.charts.scales import format_duration
from engine.cli.features import feature_lines, importance_of
from engine.cli.leaderboard import leaderboard_lines, named_values
from engine.cli.output import terminal_size, wants_ascii, wants_colour
from engine.cli.times import clock
from engine.cli.views.picking import view_of_record
from engine.cli.views.view import View
from engine.text import printable
from models.data_types import TIMESERIES

_ORIGIN = 10
_HPARAMS = "train.hparams."


def version_lines(
    version: Mapping[str, Any], alias: str, timezone: tzinfo, *, config: bool = False
) -> Iterator[str]:
    """Lay out a version as lines of text, what people ask for first.

    Args:
        version: Of `Version.to_dict`; one that was imported or is old may lack some of it.
        alias: The alias that names it, "" for none.
        timezone: For times.
        config: Show the whole configuration that it was trained with, and not only what differs
            from the defaults.
    """
    training, lineage = version["lineage"]["training"], version["lineage"]
    view = view_of_record(version)
    yield f"{version['id']}  {alias}".rstrip()
    parts = [str(version["model_type"]), *view.what(training.get("model", {}))]
    yield f"  {printable(', '.join(parts))}"
    yield f"  deployed {clock(version['created'], timezone)}{_by(lineage.get('deployed_by_run'))}"
    if lineage.get("forced"):
        yield f"  although the gate refused it: {printable(lineage['forced'])}"
    yield ""
    yield from view.evaluation_lines(_evaluation(version))
    yield from _gate(lineage)
    yield from _apart(view.detail_lines(lineage["evaluation"]))
    fit = training.get("fit", {})
    if fit.get("leaderboard"):
        yield ""
        yield from leaderboard_lines(fit["leaderboard"])
    if importance := importance_of(training):
        yield ""
        width = terminal_size()[0]
        yield from feature_lines(importance, width, colour=wants_colour(), ascii=wants_ascii())
    yield ""
    yield from _origin(version, view, timezone)
    yield ""
    yield from (_whole(training) if config else _differing(training, version))


def _by(run: str | None) -> str:
    return f" by run {run[:8]}" if run else ""


def _evaluation(version: Mapping[str, Any]) -> dict[str, Any]:
    told = version["lineage"]["evaluation"]
    overall = {label: scores["overall"] for label, scores in told["scores"].items()}
    return {"model_type": version["model_type"], **told, "scores": overall}


def _apart(lines: Iterator[str]) -> Iterator[str]:
    """Some lines with an empty one before them; nothing for nothing."""
    for at, line in enumerate(lines):
        if at == 0:
            yield ""
        yield line


def _gate(lineage: Mapping[str, Any]) -> Iterator[str]:
    for check in lineage.get("gate", ()):
        yield f"{'passed' if check['passed'] else 'refused'}: {printable(check['sentence'])}"


def _origin(version: Mapping[str, Any], view: View, timezone: tzinfo) -> Iterator[str]:
    training, imported = version["lineage"]["training"], version["lineage"].get("imported", {})
    rows = {
        "data set": view.learnt_from(training),
        "trained": _training(training, view),
        "with": named_values(training.get("model", {}).get("hyperparameters", {})),
        "stood on": named_values(training.get("environment", {})),
        "lies in": version["folder"],
        "imported": "",
    }
    if imported:
        when = clock(imported["at"], timezone)
        rows["imported"] = f"from {imported['file']} by {imported['who']}, {when}"
    room = max(40, terminal_size()[0] - _ORIGIN)
    for name, text in rows.items():
        for at, part in enumerate(
            wrap(printable(text), room, break_on_hyphens=False, break_long_words=False)
        ):
            yield f"{name if at == 0 else '':<{_ORIGIN}}{part}"


def _training(training: Mapping[str, Any], view: View) -> str:
    fit, again, model = (training.get(name) or {} for name in ("fit", "refit", "model"))
    parts = [
        f"in {format_duration(fit['seconds'])}" if "seconds" in fit else "",
        f"again from all {view.examples} in {format_duration(again['seconds'])}" if again else "",
        f"seed {model['seed']}" if "seed" in model else "",
        _by(training.get("run")).strip(),
    ]
    return ", ".join(part for part in parts if part)


def _whole(training: Mapping[str, Any]) -> Iterator[str]:
    import yaml

    yield "configuration"
    settings = training.get("settings", {})
    yield yaml.safe_dump(settings, sort_keys=False, allow_unicode=True).rstrip()


def _differing(training: Mapping[str, Any], version: Mapping[str, Any]) -> Iterator[str]:
    from engine.config.problems import shown

    data_type = version.get("data_type", TIMESERIES)
    rows = list(_otherwise(training.get("settings", {}), data_type, version["model_type"]))
    whole = f"engine models show {version['id']} --config"
    yield f"settings that differ from the defaults (all of them: {whole})"
    width = max((len(key) for key, _, _ in rows), default=0)
    for key, value, default in rows:
        otherwise = "" if default is None else f"  (default {shown(default)})"
        yield f"  {key:<{width}}  {printable(shown(value))}{otherwise}"


def _otherwise(
    settings: Mapping[str, Any], data_type: str, model_type: str
) -> Iterator[tuple[str, Any, Any | None]]:
    """Key, value and default of what is not as shipped; of what a type uses itself or hands on."""
    from engine.config.effective import effective_values
    from engine.config.loading import load_settings
    from models import registry

    loaded = load_settings("full_flow", workspace_configs=None, flags={"data_type": data_type})
    known = {one.key: one.value for one in effective_values(loaded, of_all_models=True)}
    used = None
    if model_type in registry.names(data_type):
        hparams = registry.used_hyperparameters(model_type, data_type)
        used = {_HPARAMS + name for name in hparams}
    for key, value in _leaves("", settings, known):
        if used is not None and key.startswith(_HPARAMS) and key not in used:
            continue
        default = known.get(key)
        if key not in known or value != default:
            yield key, value, default


def _leaves(
    prefix: str, values: Mapping[str, Any], known: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and value and key not in known:
            yield from _leaves(f"{key}.", value, known)
        else:
            yield key, value
