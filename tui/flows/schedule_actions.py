"""What can be done to schedules, on every screen that shows them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.schema import ScheduleInfo
from tui.language import tr

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class ScheduleActions:
    """Pause and resume. A view says which schedule is chosen."""

    app: ControlCenter

    def schedule(self) -> ScheduleInfo | None:
        """The schedule that an action means."""
        raise NotImplementedError

    def do_pause_schedule(self) -> None:
        """Pause the schedule, or resume it."""
        one = self.schedule()
        if one is None:
            self.app.say(tr("no schedule is selected"), "warn")
            return
        back = partial(self._enable, one.name, one.enabled, None)
        self._enable(one.name, not one.enabled, (self.pause_command(one), back))

    def pause_command(self, one: ScheduleInfo) -> str:
        """The command that the action does now."""
        return f"engine schedule {'pause' if one.enabled else 'resume'} {one.name}"

    def _enable(
        self, name: str, enabled: bool, undo: tuple[str, Callable[[], None]] | None
    ) -> None:
        async def work() -> str:
            from engine.client import calls

            await self.app.link.send(calls.enable_schedule(name, enabled))
            self.app.link.want_schedules()
            if enabled:
                return tr("{name} launches again", name=name)
            return tr("{name} is paused", name=name)

        self.app.act(f"engine schedule {'resume' if enabled else 'pause'} {name}", work, undo)
