"""What came, and whether what serves has drifted, over the network."""

from __future__ import annotations

import datetime as dt

import pytest

from engine.tables.actuals import Actual, Actuals
from engine.tables.drift_checks import DriftCheck, DriftChecks
from tests.unit.web.conftest import Web, refused

PATH = "/api/v1/actuals"
SHA = "ab" * 32


def test_a_till_tells_what_was_sold_and_may_say_it_again(web: Web, owner: str) -> None:
    values = [{"series": "a", "date": "2026-01-05", "value": 3}]
    labels = [{"sha256": SHA, "label": "cat"}]
    first = web.ask("POST", PATH, token=owner, json={"values": values, "labels": labels})
    values[0]["value"] = 4.5
    again = web.ask("POST", PATH, token=owner, json={"values": values, "labels": labels})

    assert first.json() == {"new": 2, "replaced": 0, "same": 0}
    assert again.json() == {"new": 0, "replaced": 1, "same": 1}
    store = Actuals(web.workspace.actuals)
    assert store.values() == [Actual("a", dt.date(2026, 1, 5), 4.5)]
    assert store.labels() == {SHA: "cat"}


@pytest.mark.parametrize(
    "body",
    [
        {"values": [{"series": "a", "date": "2026-01-05", "value": "3"}]},
        {"values": [{"series": "", "date": "2026-01-05", "value": 3}]},
        {"values": [{"series": "a", "date": "05.01.2026", "value": 3}]},
        {"values": [{"series": "a", "date": "2126-01-05", "value": 3}]},
        {"values": [{"series": "a", "date": "2026-01-05", "value": 3, "more": 1}]},
        {"labels": [{"sha256": "xy", "label": "cat"}]},
    ],
)
def test_what_is_no_value_is_refused_and_nothing_of_it_is_taken(
    web: Web, owner: str, body: dict[str, list[dict[str, object]]]
) -> None:
    good = {"series": "b", "date": "2026-01-05", "value": 1}
    body = {**body, "values": [good, *body.get("values", [])]}
    refused(web.ask("POST", PATH, token=owner, json=body), 422)
    assert Actuals(web.workspace.actuals).values() == []


def test_thousands_at_once_are_taken(web: Web, owner: str) -> None:
    values = [{"series": f"s{n}", "date": "2026-01-05", "value": n} for n in range(5000)]
    answer = web.ask("POST", PATH, token=owner, json={"values": values})
    assert answer.json()["new"] == 5000


def test_the_newest_checks_are_told(web: Web) -> None:
    checks = DriftChecks(web.workspace.database)
    for at, data_type in ((1.0, "timeseries"), (2.0, "image"), (3.0, "timeseries")):
        checks.add(DriftCheck(at, data_type, "v1", "alike", 9, ("so",), {"psi": 1}))
    path = "/api/v1/drift"

    found = web.ask("GET", path).json()["checks"]
    assert [one["at"] for one in found] == [3.0, 2.0, 1.0]
    assert found[0]["reasons"] == ["so"] and "numbers" not in found[0]
    of_images = web.ask("GET", f"{path}?data_type=image&limit=1").json()["checks"]
    assert [one["at"] for one in of_images] == [2.0]
    refused(web.ask("GET", f"{path}?data_type=sound"), 422)
