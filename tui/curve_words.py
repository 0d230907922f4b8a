"""What charts of curves say, in the chosen language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.language import tr

if TYPE_CHECKING:
    from engine.charts.curves import Words


def curve_words() -> Words:
    """The words for `engine.charts.curves`, which is only loaded where a chart is drawn."""
    from engine.charts.curves import Words

    return Words(
        by=tr("by {unit}"),
        lowest=tr("lowest {value} at {at}"),
        at=tr("at {at}"),
    )
