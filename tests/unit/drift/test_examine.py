"""What an examination finds in what was asked, answered and came."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from engine.errors import DataError, ModelError
from engine.tables.actuals import Actual, Actuals
from engine.workspace import Workspace
from models.bundles.checks import REFERENCE_FILE
from tests.unit.drift.served import DAYS, FIRST_DAY, LATER, NOW, Service


@pytest.fixture
def service(workspace: Workspace) -> Service:
    return Service(workspace)


def test_what_is_asked_as_before_is_alike(service: Service) -> None:
    service.asks()
    report = service.examined().of_served()
    assert (report.finding, report.reasons, report.new) == ("alike", (), 0)
    assert report.answers == 7 * len(service.ids)
    assert {one.name for one in report.features} == {
        "level", "spread", "zeros", "trend", "week", "forecast level", "forecast spread",
    }  # fmt: skip
    json.dumps(report.to_dict(), allow_nan=False)


def test_a_level_that_has_doubled_is_drift_with_a_reason(service: Service) -> None:
    service.asks(2.0)
    report = service.examined().of_served()
    assert report.finding == "drifted"
    level = next(reason for reason in report.reasons if "level that was learnt" in reason)
    assert "the windows are at 2.0" in level and "84 forecasts of the last 7 days" in level
    assert any("the forecasts are at" in reason for reason in report.reasons)
    assert report.watched in {one.name for one in report.features}
    assert [day.count for day in report.by_day] == [84]


def test_a_few_questions_say_nothing_however_odd(service: Service) -> None:
    service.asks(9.0, days=1)
    report = service.examined().of_served()
    assert (report.finding, report.features) == ("unknown", ())
    assert "12 windows of series that were learnt from are too few" in report.notes[0]


def test_the_same_question_again_is_one_question(service: Service) -> None:
    for _ in range(9):
        service.asks(9.0, days=1)
    assert service.examined().of_served().finding == "unknown"


def test_what_was_asked_long_ago_or_of_another_version_does_not_count(service: Service) -> None:
    service.asks(3.0, at=NOW - 8 * 86_400)
    report = service.examined().of_served()
    assert (report.answers, report.finding) == (0, "unknown")
    assert service.examined(days=9).of_served().finding == "drifted"


def test_series_that_were_not_learnt_from_are_held_against_the_sizes_of_all(
    service: Service,
) -> None:
    service.asks(names="new-{}")
    alike = service.examined().of_served()
    assert (alike.new, [one.verdict for one in alike.features]) == (84, ["alike"])
    service.asks(1e6, names="new-{}")
    found = service.examined().of_served()
    assert found.finding == "drifted"
    assert "series that were not learnt from are larger" in found.reasons[0]


def test_answers_about_fewer_days_than_the_horizon_are_not_compared(service: Service) -> None:
    service.asks(steps=3)
    names = {one.name for one in service.examined().of_served().features}
    assert "level" in names and "forecast level" not in names


def test_lines_of_an_earlier_version_of_this_program_are_read(service: Service) -> None:
    old = '{"at":%f,"model_name":"%s","series_id":"s1","last_date":null,"prediction":[1.0]}\n'
    path = service.workspace.predictor / "forecasts-0.jsonl"
    path.write_text(old % (NOW - 5, service.version.id) * 60)
    report = service.examined().of_served()
    assert (report.answers, report.finding) == (60, "unknown")


def test_a_version_that_is_older_than_this_says_so_and_is_measured_by_what_came(
    workspace: Workspace,
) -> None:
    service = Service(workspace, is_old=True)
    service.asks(3.0, error=50.0)
    tell(service)
    report = service.examined().of_served()
    assert any("older than drift detection" in note for note in report.notes)
    assert (report.features, report.finding) == ((), "drifted")
    with pytest.raises(ModelError, match="older than drift detection"):
        service.examined().of_dataset("0" * 16)


def test_a_reference_that_was_changed_is_refused(service: Service) -> None:
    path = service.version.folder / "bundle" / REFERENCE_FILE
    path.write_text(path.read_text().replace("s1", "s2"))
    with pytest.raises(ModelError, match="is not the file that was written"):
        service.examined().of_served()


def tell(service: Service, factor: float = 1.0) -> None:
    """The days that were forecast come."""
    actuals = Actuals(service.workspace.actuals)
    actuals.add(
        Actual(name, FIRST_DAY + dt.timedelta(days=day), float(value * factor))
        for name, values in zip(service.ids, service.values, strict=True)
        for day, value in enumerate(values)
    )


def test_an_error_as_the_test_promised_is_fine_and_its_days_are_told(service: Service) -> None:
    service.asks()
    tell(service)
    live = service.examined().of_served().live
    assert live.finding == "alike" and live.promised == 1.0
    assert live.live == pytest.approx(1.0, abs=0.15)
    assert len(live.days) == 7 and live.series == len(service.ids)


def test_an_error_that_has_doubled_is_drift(service: Service) -> None:
    service.asks(error=12.0)
    tell(service)
    report = service.examined().of_served()
    assert (report.live.finding, report.finding) == ("drifted", "drifted")
    assert "times what the test promised (MASE" in "; ".join(report.reasons)


def test_one_bad_day_is_not_called_drift(service: Service) -> None:
    # Only the first forecast day has come.
    service.asks(days=1, until=DAYS + LATER - 1, error=30.0)
    tell(service)
    live = service.examined(least=5).of_served().live
    assert len(live.days) == 1 and live.finding == "shifted"


def test_without_what_came_the_error_is_not_known(service: Service) -> None:
    service.asks()
    report = service.examined().of_served()
    assert report.live.live is None
    assert any("no actual values are known" in note for note in report.notes)


def test_each_series_counts_in_its_own_unit(service: Service) -> None:
    service.asks()
    tell(service)
    before = service.examined().of_served().live.live
    # The unit is from what was learnt from, whatever the values that came are like.
    service.asks(error=0.0)
    actuals = Actuals(service.workspace.actuals)
    actuals.add([Actual("another", FIRST_DAY, 1e9)])
    assert service.examined().of_served().live.live == pytest.approx(before)


def test_a_data_set_is_held_against_what_was_learnt_from(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = service.panel(DAYS + LATER)
    higher = np.where(np.arange(panel.days) >= DAYS, panel.values * 2, panel.values)
    later = {"same": panel, "higher": type(panel)(panel.ids, FIRST_DAY, higher)}
    monkeypatch.setattr("engine.drift.examine._panel", lambda _, name: later[name])
    assert service.examined().of_dataset("same").finding == "alike"
    report = service.examined().of_dataset("higher")
    assert report.finding == "drifted" and "windows of the last 7 days" in report.reasons[0]
    assert len(report.by_day) == 7
    monkeypatch.setattr("engine.drift.examine._panel", lambda *_: service.panel())
    with pytest.raises(DataError, match="it has no day after"):
        service.examined().of_dataset("old")
