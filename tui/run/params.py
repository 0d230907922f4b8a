"""What a run was asked to do, and the configuration that came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.schema import RunInfo
from tui.language import tr
from tui.paint import Line, clip, fit
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

CONFIG_FILE = "config.yaml"
_LARGEST = 400_000
_NAME = 16
_SHIPPED = "(shipped)"
_LINE = re.compile(r"(?P<indent> *)(?P<key>[^\s#:][^#:]*:)?(?P<value>.*?)(?P<note>\s+#.*)?$")


def read_config(folder: str) -> str | None:
    """The effective configuration of a run as its folder has it; None if it has none yet."""
    try:
        with (Path(folder) / CONFIG_FILE).open("rb") as file:
            return file.read(_LARGEST).decode(errors="replace")
    except OSError:
        return None


def params_lines(app: ControlCenter, run: RunInfo, config: str | None, width: int) -> list[Line]:
    """Request, what it changed, and the whole configuration with where each value comes from.

    Secrets in it were masked by whoever wrote it.
    """
    lines: list[Line] = [_title(tr("Request"), width)]
    lines += [_fact(name, value, width, "accent") for name, value in run.parameters.items()]
    known: dict[str, Any] = {
        tr("priority"): run.priority or "",
        tr("from"): run.origin,
        tr("tags"): " ".join(f"#{tag}" for tag in run.tags),
        tr("key"): run.key or "",
        tr("again"): run.rerun_of or "",
        tr("work pool"): run.pool,
        tr("done by"): run.host,
        tr("accepted"): moment(run.created, "date", app.now(), app.zone),
    }
    lines += [_fact(name, value, width) for name, value in known.items() if value != ""]
    if config is None:
        text = tr("The configuration is written when the run is launched.")
        return [*lines, [], [(clip(f" {text}", width), "dim")]]
    changed = [line for line in _leaves(config) if not line[2].endswith(_SHIPPED)]
    lines += [[], _title(tr("Not as shipped"), width)]
    size = min(max((len(name) for name, _, _ in changed), default=_NAME), max(_NAME, width // 2))
    for name, value, origin in changed:
        line: Line = [(" " + fit(name, size), ""), ("  ", ""), (clip(value, width // 3), "accent")]
        lines.append([*line, (f"  {origin}", "dim")])
    if not changed:
        lines.append([(" " + tr("nothing"), "dim")])
    lines += [[], _title(tr("Effective configuration"), width)]
    return lines + [_config_line(text) for text in config.splitlines()]


def _title(text: str, width: int) -> Line:
    return [(clip(f" {text}", width), "title")]


def _fact(name: str, value: Any, width: int, look: str = "") -> Line:
    return [(" " + fit(name, _NAME), "dim"), (clip(value, width - _NAME - 1), look)]


def _config_line(text: str) -> Line:
    found = _LINE.match(text)
    if found is None:
        return [(" " + text, "")]
    note = found["note"] or ""
    mine = bool(note) and not note.endswith(_SHIPPED)
    return [
        (" " + found["indent"], ""),
        (found["key"] or "", "strong" if mine else ""),
        (found["value"], "accent"),
        (note, "warn" if mine else "dim"),
    ]


def _leaves(config: str) -> Iterator[tuple[str, str, str]]:
    """Each value with its dotted name and where it comes from."""
    outer: list[tuple[int, str]] = []
    for text in config.splitlines():
        found = _LINE.match(text)
        if found is None or not found["key"]:
            continue
        indent, key = len(found["indent"]), found["key"].rstrip(": ")
        outer = [one for one in outer if one[0] < indent]
        if found["note"]:
            name = ".".join([*(one for _, one in outer), key])
            yield name, found["value"].strip(), found["note"].strip(" #")
        outer.append((indent, key))
