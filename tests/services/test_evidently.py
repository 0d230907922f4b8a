"""Evidently's own report: it says what this program says, and needs no network."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from engine.drift.evidently_report import write_report
from engine.workspace import Workspace
from tests.unit.drift.served import Service

evidently = pytest.importorskip("evidently", reason="pip install 'mlops-tui[evidently]'")

# Evidently brings libraries along that warn when they are imported.
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on its own."""

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("something was asked of the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def page_of(workspace: Workspace, factor: float, path: Path) -> str:
    service = Service(workspace)
    service.asks(factor)
    write_report([service.examined().of_served()], path)
    return path.read_text(encoding="utf-8")


def test_a_page_is_written_that_needs_no_network(
    workspace: Workspace, tmp_path: Path, no_network: None
) -> None:
    page = page_of(workspace, 3.0, tmp_path / "drift.html")
    assert "forecast level" in page and "spread" in page
    # Nothing is fetched when it is opened: no script, style or picture from elsewhere.
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page)


def test_evidently_finds_the_columns_drifted_that_this_program_does(
    workspace: Workspace, tmp_path: Path
) -> None:
    import pandas as pd
    from evidently import Report
    from evidently.metrics import ValueDrift

    service = Service(workspace)
    service.asks(2.0)
    report = service.examined().of_served()
    kept, now = report.columns["level"]
    then = pd.DataFrame({"level": kept.distribution.quantiles})
    measured = Report([ValueDrift(column="level", method="psi")]).run(
        pd.DataFrame({"level": now}), then
    )
    (metric,) = measured.dict()["metrics"]
    level = next(one for one in report.features if one.name == "level")
    assert level.verdict == "drifted"
    assert float(metric["value"]) > 0.25


def test_a_page_that_was_there_is_replaced_whole(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "drift.html"
    path.write_text("before")
    began = time.time()
    assert "before" not in page_of(workspace, 1.0, path)[:20]
    assert path.stat().st_mtime >= began - 1
    assert [one.name for one in tmp_path.glob("*.html")] == ["drift.html"]
