"""The nine screens: each a view that turns what is known into lines."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.control_center import ControlCenter
    from tui.view import View

_CLASSES = {
    "pulse": "PulseView",
    "runs": "RunsView",
    "run": "RunView",
    "logs": "LogsView",
    "flows": "FlowsView",
    "models": "ModelsView",
    "predict": "PredictView",
    "data": "DataView",
    "system": "SystemView",
}


def make_view(name: str, app: ControlCenter) -> View:
    """The view of a screen; its module is imported when it is first seen."""
    view: View = getattr(import_module(f"{__name__}.{name}"), _CLASSES[name])(app)
    return view
