"""Where the source that a flow's settings name lies; nothing is read."""

from __future__ import annotations

from pathlib import Path

from engine.config.flow_settings import FlowSettings
from engine.config.image_settings import ImageSettings
from engine.config.series_settings import SeriesSettings
from engine.config.values import without_passwords
from engine.data.location import source_path

DIGITS = "the digits of scikit-learn"


def source_of(settings: FlowSettings, *, root: Path) -> tuple[str, bool]:
    """Name the source, and say whether it is there, as far as that can be told at once.

    Args:
        settings: Of the run.
        root: The workspace, which a relative path starts from.
    """
    if isinstance(settings, SeriesSettings):
        if settings.dataset.url is not None:
            return without_passwords(settings.dataset.url), True
        path = source_path(settings.dataset, root=root)
        return str(path), path.is_file()
    assert isinstance(settings, ImageSettings), "there are two kinds of settings"
    if settings.dataset.file_path is None:
        return DIGITS, True
    path = root / settings.dataset.ds_root / settings.dataset.file_path
    return str(path), path.exists()
