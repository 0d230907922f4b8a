"""The pictures of the control center in README: a real workspace, its real engine, keys.

    python docs/make_screens.py --workspace FOLDER [--only pulse,run,...]

They show what is there: a deployed model, a few runs of each flow, and two that train at this
moment, one of them a full_flow. In a workspace that `make demo` has filled, these train for
minutes, longer than all pictures take:

    engine run full_flow --detach --epochs 400 --set train.hparams.patience=400
    engine run train_flow --detach --epochs 400 --set train.hparams.patience=400

What the terminal remembers of its last use is put aside meanwhile, and back afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from engine.workspace import Workspace
from tui import memory
from tui.control_center import ControlCenter

FOLDER = Path(__file__).parent / "screens"
MOST_BYTES = 150_000
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.05
# Charts and previews come a moment after what they are about.
_REST_SECONDS = 1.5


class Terminal:
    """A running terminal, its keys, and what it shows."""

    def __init__(self, app: ControlCenter, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, in Textual's names."""
        for key in keys:
            await self._pilot.press(key)

    async def shows(self, *texts: str) -> None:
        """Wait until all of some texts are seen, and then until it has come to rest.

        Raises:
            TimeoutError: They never are.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not all(text in "\n".join(self.app.seen()) for text in texts):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{texts} were never seen:\n" + "\n".join(self.app.seen()))
            await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.sleep(_REST_SECONDS)


async def _pulse(terminal: Terminal) -> None:
    await terminal.press("1")
    await terminal.shows("Model in service", "MASE", "Timeline")


async def _run(terminal: Terminal) -> None:
    await terminal.press("2", "/", *"full_flow", "space", *"state:completed", "enter")
    await terminal.shows("full_flow")
    await terminal.press("enter")
    await terminal.shows("train_model", "check_service_health")
    await terminal.press(*"jjjjjjjjj")
    await terminal.shows("validation_loss")


async def _flows(terminal: Terminal) -> None:
    await terminal.press("5")
    await terminal.shows("full_flow", "checked")
    await terminal.press("enter", "j", "enter", *["backspace"] * 2, "4", "0", "enter")
    await terminal.shows("--epochs 40", "checked")


async def _models(terminal: Terminal) -> None:
    await terminal.press("6")
    await terminal.shows("champion", "Lineage")


async def _predict(terminal: Terminal) -> None:
    await terminal.press("7")
    await terminal.shows("forecast", "interval", "Lower")


async def _overview(terminal: Terminal) -> None:
    await terminal.press("2", "/", *"full_flow", "space", *"state:running", "enter")
    await terminal.shows("running", "full_flow")
    await terminal.press("enter")
    await terminal.shows("train_model", "epoch")
    # Its log stands beside the timeline; the curves are two tabs on.
    await terminal.press("]", "]")
    await terminal.shows("validation_loss", "by epoch")


@dataclass(frozen=True)
class Screen:
    """One picture.

    Attributes:
        size: Columns and lines.
        scenario: The keys that lead there.
    """

    size: tuple[int, int]
    scenario: Callable[[Terminal], Awaitable[None]]


SCREENS = {
    "pulse": Screen((120, 34), _pulse),
    "overview": Screen((200, 42), _overview),
    "run": Screen((120, 34), _run),
    "flows": Screen((120, 34), _flows),
    "models": Screen((120, 38), _models),
    "predict": Screen((120, 36), _predict),
}


async def take(workspace: Workspace, screen: Screen) -> str:
    """Start a terminal, go where the picture is taken, and take it."""
    app = ControlCenter(workspace, theme_name="dark", chosen_language="en", autostart=False)
    async with app.run_test(size=screen.size) as pilot:
        await pilot.pause()
        terminal = Terminal(app, pilot)
        await terminal.shows("1 Pulse", "Health")
        await screen.scenario(terminal)
        app.message = None
        app.draw()
        return app.picture()


@contextmanager
def put_aside(path: Path) -> Iterator[None]:
    """Let a file not be there for a while."""
    kept = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        if kept is not None:
            path.write_bytes(kept)


def main() -> None:
    """Take the pictures.

    Raises:
        ValueError: One of them is too large to be kept.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", required=True, help="whose engine runs")
    parser.add_argument("--only", default=",".join(SCREENS), help="names, separated by commas")
    arguments = parser.parse_args()
    workspace = Workspace.locate(arguments.workspace)
    FOLDER.mkdir(exist_ok=True)
    for name in arguments.only.split(","):
        with put_aside(workspace.root / memory.FILE):
            picture = asyncio.run(take(workspace, SCREENS[name]))
        if len(picture) > MOST_BYTES:
            raise ValueError(f"{name}: {len(picture)} bytes")
        (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
