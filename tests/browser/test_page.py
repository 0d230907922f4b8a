"""The web page as its user has it: in a browser, on a real engine, without a network."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.client import EngineClient, calls
from engine.data.sample import write_sample
from engine.states import FINAL_STATES
from engine.tokens import Tokens
from engine.workspace import Workspace
from tests.browser.chromium import Page, chromium
from tests.faults.storm import COLUMNS

pytestmark = pytest.mark.long

SETTINGS = """
predictor: {enabled: false}
flow_api: {enabled: false}
web_page: {port: 0}
"""
PICTURES = os.environ.get("MLOPS_TEST_PICTURES")
"""Folder for what the page looked like, for people."""


@dataclass
class Browser:
    """A page of the engine, and the engine."""

    page: Page
    engine: EngineClient
    address: str
    token: str
    pictures: Path

    def look(self, name: str) -> None:
        content = self.page.picture(self.pictures / f"{name}.png")
        assert len(content) > 10_000

    def states(self) -> list[str]:
        told: list[str] = self.page.value(
            "[...document.querySelectorAll('tr.run .state')].map((part) => part.textContent)"
        )
        return told


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    workspace = Workspace(tmp_path_factory.mktemp("shop")).create()
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=4, days=200)
    (workspace.configs / "engine.yaml").write_text(SETTINGS)
    pictures = Path(PICTURES) if PICTURES else tmp_path_factory.mktemp("pictures")
    with (
        chromium(tmp_path_factory.mktemp("chromium")) as new_page,
        EngineClient(workspace) as engine,
    ):
        try:
            run = engine.send(
                calls.launch("data_flow", overrides=COLUMNS, flags={"data": str(sample)})
            ).run
            while engine.send(calls.run(run.id)).run.state not in FINAL_STATES:
                time.sleep(0.1)
            address = engine.send(calls.status()).addresses["web_page"]
            token = Tokens(workspace).create("browser", "operator")
            yield Browser(new_page(), engine, address, token, pictures)
        finally:
            engine.send(calls.down(cancel_runs=True))


def test_the_page_launches_follows_and_cancels_runs_and_asks_nobody_else(browser: Browser) -> None:
    page = browser.page
    page.resize(1400, 850)
    page.prefer("light")
    page.open(f"{browser.address}/flow-monitoring")
    page.wait("document.querySelectorAll('tr.run').length === 1")
    page.wait("document.getElementById('live').classList.contains('on')")

    # Without a token it says what is missing.
    page.value("document.getElementById('flow').value = 'train_flow'")
    page.value("document.getElementById('model').value = 'LSTM'")
    page.value("document.querySelector('#launch button').click()")
    page.wait("document.getElementById('message').classList.contains('bad')")
    assert "token" in page.value("document.getElementById('message').textContent").lower()

    page.value("document.getElementById('key').click()")
    page.value(f"document.getElementById('token').value = '{browser.token}'")
    page.value("document.querySelector('#token-form button').click()")
    page.value("document.getElementById('epochs').value = '3'")
    page.value("document.querySelector('#launch button').click()")
    page.wait("document.querySelectorAll('tr.run').length === 2")
    # It sees the run begin and end without being asked to look.
    page.wait("document.querySelector('tr.run .state').textContent === 'COMPLETED'", 60)
    browser.look("finished")

    page.value("document.querySelector('tr.run').click()")
    tasks = page.value(
        "[...document.querySelectorAll('tr.task td:first-child')].map((part) => part.textContent)"
    )
    assert tasks == [
        "open_training_data",
        "build_model",
        "train_model",
        "calibrate_intervals",
        "refit_model",
        "save_model",
    ]
    browser.look("tasks")

    page.value("document.getElementById('epochs').value = '10000'")
    page.value("document.querySelector('#launch button').click()")
    page.wait("document.querySelector('tr.run .state').textContent === 'RUNNING'", 60)
    browser.look("running")
    page.value("document.querySelector('tr.run button').click()")
    page.wait("document.querySelector('tr.run .state').textContent === 'CANCELLED'", 60)

    assert {url.split("/flow-monitoring")[0].split("/api")[0] for url in page.requests} <= {
        browser.address,
        "data:,",
    } | {url for url in page.requests if url.startswith(("data:", "blob:"))}
    refused = "the server responded with a status of 401"
    assert [error for error in page.errors if refused not in error] == []


def test_a_failed_run_is_shown_in_its_colour(browser: Browser) -> None:
    failed = browser.engine.send(
        calls.launch("train_flow", overrides=("train.dataset=0123456789abcdef",))
    ).run
    page = browser.page
    page.wait("document.querySelector('tr.run .state').textContent === 'FAILED'", 60)

    colour = page.value(
        "getComputedStyle(document.querySelector('tr.run .state'), '::before').backgroundColor"
    )
    assert colour == "rgb(209, 59, 59)"
    assert page.value("document.querySelector('tr.run td').title") == failed.id
    drawn = page.value(
        "document.getElementById('chart').data.filter((trace) => trace.marker.color === '#d13b3b')"
        ".length"
    )
    assert drawn == 2
    browser.look("failed")


@pytest.mark.parametrize("size", [(1400, 850), (390, 844), (800, 600)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_width_in_light_and_dark(
    browser: Browser, size: tuple[int, int], scheme: str
) -> None:
    page = browser.page
    page.prefer(scheme)
    page.resize(*size)
    page.wait(f"document.querySelector('#chart svg.main-svg').clientWidth <= {size[0]}")

    # Nothing makes the page itself scroll sideways.
    assert page.value("document.documentElement.scrollWidth") <= size[0]
    page.wait(
        f"document.documentElement.classList.contains('dark') === {str(scheme == 'dark').lower()}"
    )
    browser.look(f"{scheme}-{size[0]}")


def test_it_speaks_korean_and_english(browser: Browser) -> None:
    page = browser.page
    page.value("localStorage.setItem('language', 'en')")
    page.open(f"{browser.address}/flow-monitoring")
    assert page.wait("document.querySelector('h1').textContent") == "Flow monitoring"

    page.value("document.getElementById('language').click()")

    assert page.value("document.querySelector('h1').textContent") == "플로우 모니터링"
    assert page.value("document.documentElement.lang") == "ko"
    page.value("document.getElementById('language').click()")


def test_names_that_look_like_markup_do_nothing(browser: Browser) -> None:
    page = browser.page
    page.value("document.getElementById('model').value = '<img src=x onerror=window.hurt=1>'")
    page.value("document.querySelector('#launch button').click()")
    page.wait("document.getElementById('message').textContent.includes('img')")

    assert page.value("window.hurt === undefined")
    assert page.value("document.querySelectorAll('#message img').length") == 0
