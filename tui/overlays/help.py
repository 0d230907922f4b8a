"""The help of a screen, made from the table of actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions import Action, possible_on, sections
from tui.language import tr
from tui.paint import Line, fit, pad, rule, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_KEYS_WIDTH = 16
_TITLE_WIDTH = 26

# What a screen is for, in a sentence or two.
PURPOSES = {
    "pulse": "How everything is doing: engine, queue, what runs now, what failed, the model in "
    "service, and the last runs of each flow.",
    "runs": "All runs, newest first; the preview follows the cursor. Filter with / : state:failed "
    "dur>60 model:LSTM !tag:x, a word finds names letter by letter.",
    "run": "One run: its steps over time, log, parameters, metrics, what it made, and its error.",
    "logs": "The lines of all runs as they come, or the whole log of one run.",
    "flows": "Start a flow: every setting with its default and its meaning; what is typed is "
    "checked as it is typed.",
    "models": "Deployed versions and how good they are, of which members and by which features; "
    "mark two to six and compare; promote, roll back. Backtests hold types against each other.",
    "predict": "A forecast by the model in service: of a series of the newest data, or of values "
    "that are typed or pasted; which past days move it, and when the stock runs out. With a model "
    "of images: which class a picture belongs to, and where that is seen.",
    "data": "The newest data set with what its rules found, drift, odd days, and the effective "
    "configuration with where each value comes from.",
    "system": "Processor, memory, disk, ports and the processes that the engine keeps; doctor.",
}


def help_lines(app: ControlCenter, screen: str, width: int) -> list[Line]:
    """Purpose, then keys by section: those of this screen first."""
    lines: list[Line] = [[(text, "")] for text in wrap(tr(PURPOSES[screen]), width)]
    actions = possible_on(screen)
    own = [action for action in actions if action.screens and app.can(action)]
    common = [action for action in actions if not action.screens]
    for section, found in (*sections(own).items(), *sections(common).items()):
        lines.append([])
        lines.append(rule(width, tr(section)))
        lines += [_entry(app, action, width) for action in found]
    return lines


def _entry(app: ControlCenter, action: Action, width: int) -> Line:
    keys = "  ".join(app.keymap.keys[action.id])
    line: Line = [
        (fit(keys, _KEYS_WIDTH), "key"),
        (fit(tr(app.view.title_of(action)), _TITLE_WIDTH), ""),
        ("  ", ""),
        (app.view.command_of(action) if action.command else "", "dim"),
    ]
    return pad(line, width)
