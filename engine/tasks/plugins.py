"""Models that users add as a Python file of their own."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.runs.context import run_context
from models import registry


def load_plugins(settings: FlowSettings) -> None:
    """Register the models of the files in `model.plugins`, relative to the workspace."""
    for path in settings.model.plugins:
        registry.load_file(run_context().workspace.root / path)
