"""A predictor without a process: the real application, in the event loop of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.access import Door
from engine.predictor.app import App
from engine.predictor.feedback import ClassificationFeedback, Feedback
from engine.predictor.serving import Slots
from engine.predictor.updates import Updates
from engine.store import VersionStore
from engine.tokens import Tokens
from engine.workspace import Workspace
from tests.unit.deployments import make_bundle
from tests.unit.picture_bundles import SIDE, make_picture_bundle

TOKEN = "a-token-that-nobody-guesses"
WINDOW = 14
HORIZON = 7


class Predictor:
    """The application of a workspace, and a client of it."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        workspace.token.write_text(TOKEN)
        workspace.token.chmod(0o600)
        self.slots = Slots()
        self.slot = self.slots.series
        self.switched: list[str] = []
        self.updates = Updates(
            workspace,
            VersionStore(workspace.central_storage),
            self.slots,
            lambda _, served: self.switched.append(served.name),
        )
        self.feedback = Feedback(workspace.predictor / "forecasts.jsonl", 64 * 1024)
        self.seen = ClassificationFeedback(workspace.predictor / "pictures.jsonl", 64 * 1024)
        self.app = App(
            self.slots,
            self.updates,
            Door(Tokens(workspace)),
            self.feedback,
            self.seen,
            ["forecasts.shop.example"],
        )

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **options)

    async def forecast(self, body: Any) -> httpx.Response:
        return await self.ask("POST", "/predict_timeseries", json=body)

    async def send(self, content: bytes, *, kind: str = "application/json") -> httpx.Response:
        headers = {"content-type": kind}
        return await self.ask("POST", "/predict_timeseries", content=content, headers=headers)

    async def predict_image(self, content: bytes, **options: Any) -> httpx.Response:
        files = {"file": ("a.png", content)}
        return await self.ask("POST", "/predict_image", files=files, **options)

    async def classify(self, *contents: bytes) -> httpx.Response:
        files = [("files", (f"{number}.png", content)) for number, content in enumerate(contents)]
        return await self.ask("POST", "/classify", files=files)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bundles that answer differently: of windows of 14 and of 21 days."""
    folder = tmp_path_factory.mktemp("bundles")
    return [make_bundle(folder / str(window), window=window) for window in (WINDOW, 21)]


@pytest.fixture(scope="session")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that answers with intervals too: from the forecast to 7 above it."""
    folder = tmp_path_factory.mktemp("calibrated") / "bundle"
    return make_bundle(folder, window=WINDOW, calibrated=True)


@pytest.fixture(scope="session")
def picture_bundles(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bundles that tell colours, of pictures of 16 and of 24 pixels a side."""
    folder = tmp_path_factory.mktemp("picture-bundles")
    return [make_picture_bundle(folder / str(side), side=side) for side in (SIDE, 24)]


@pytest.fixture
def predictor(workspace: Workspace) -> Predictor:
    return Predictor(workspace.create())


@asynccontextmanager
async def serving(predictor: Predictor) -> AsyncIterator[str]:
    """Load the champion; its name is what the block gets."""
    await predictor.updates.refresh()
    assert predictor.slot.served is not None, predictor.slot.problem
    yield predictor.slot.served.name


@asynccontextmanager
async def classifying(predictor: Predictor) -> AsyncIterator[str]:
    """Load the champion of images; its name is what the block gets."""
    await predictor.updates.refresh()
    assert predictor.slots.images.served is not None, predictor.slots.images.problem
    yield predictor.slots.images.served.name
