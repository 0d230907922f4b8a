"""Files in deploy/ speak of metrics, settings and ports that there are."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.config.engine_settings import EngineSettings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES = DEPLOY / "prometheus" / "rules" / "mlops-tui.rules.yml"
ROW = re.compile(r"^\| `(mlops_\w+)` \| (\w+) \| (.*?) \| ", re.MULTILINE)
# Of an expression: a metric, and what stands in braces behind it.
USED = re.compile(r"\b(mlops_\w+|up)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
OF_EVERY = {"instance", "job", "le"}


def documented() -> dict[str, set[str]]:
    """Every metric that there is with its labels, as docs/metrics.md has them."""
    text = (ROOT / "docs" / "metrics.md").read_text()
    found: dict[str, set[str]] = {"up": set()}
    for name, kind, labels in ROW.findall(text):
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {f"{name}{end}": set(re.findall(r"`(\w+)`", labels)) for end in ends}
    return found


METRICS = documented()


def problems(expression: str) -> list[str]:
    """What an expression names that there is not."""
    used = USED.findall(expression)
    found = [f"no metric {name}" for name, _ in used if name not in METRICS]
    known = OF_EVERY.union(*(METRICS.get(name, set()) for name, _ in used))
    for name, selector in used:
        allowed = OF_EVERY | METRICS.get(name, set())
        found += [
            f"{name}: no label {one}" for one in LABEL.findall(selector) if one not in allowed
        ]
    for names in GROUPED.findall(expression):
        labels = {one.strip() for one in names.split(",")} - {""}
        found += [f"by or on: no label {one}" for one in labels - known]
    return found


def panels(dashboard: Any) -> Iterator[Any]:
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            yield panel


def test_the_page_of_all_metrics_is_what_they_say_of_themselves() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_metrics.py"))

    shown = (ROOT / "docs" / "metrics.md").read_text()
    assert made["page"]() == shown, "write it anew: python docs/make_metrics.py"


def test_metrics_are_named_as_scrapers_expect() -> None:
    rows = ROW.findall((ROOT / "docs" / "metrics.md").read_text())

    assert len(rows) > 40
    for name, kind, _ in rows:
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)\b", name), name


def test_what_an_expression_names_in_vain_is_found() -> None:
    assert problems('sum by (flow) (rate(mlops_runs_ended_total{state="FAILED"}[5m]))') == []
    assert problems("mlops_no_such_metric") == ["no metric mlops_no_such_metric"]
    assert problems('mlops_runs{stat="x"}') == ["mlops_runs: no label stat"]
    assert problems("sum by (colour) (mlops_runs)") == ["by or on: no label colour"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_for_metrics_that_there_are(path: Path) -> None:
    for panel in panels(json.loads(path.read_text())):
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert problems(target["expr"]) == [], panel["title"]
            names = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            used = {name for name, _ in USED.findall(target["expr"])}
            known = OF_EVERY.union(*(METRICS[name] for name in used))
            assert names <= known, panel["title"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_the_form_that_grafana_reads(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    source = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/mlops-tui.yaml").read_text()
    )["datasources"][0]

    assert dashboard["uid"] == path.stem
    assert dashboard["schemaVersion"] >= 36
    assert "id" not in dashboard, "Grafana gives it one"
    every = dashboard["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"]
        assert panel["type"] in ("stat", "timeseries", "table", "bargauge", "heatmap")
        of = {"type": "prometheus", "uid": source["uid"]}
        assert panel["datasource"] == of
        assert all(target["datasource"] == of for target in panel["targets"])
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)
    for first, second in combinations([panel["gridPos"] for panel in every], 2):
        assert not _overlap(first, second), (first, second)
    assert all(place["x"] + place["w"] <= 24 for place in (one["gridPos"] for one in every))


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or below)


def test_every_metric_is_on_a_dashboard_or_in_an_alert() -> None:
    texts = [path.read_text() for path in (*DASHBOARDS, RULES)]
    used = {name for text in texts for name, _ in USED.findall(text)}
    ends = re.compile(r"_(bucket|sum|count)$")

    unused = {ends.sub("", name) for name in METRICS} - {ends.sub("", name) for name in used}
    assert unused <= {
        # Facts that are read at the source, or that others are made of.
        *("mlops_engine_start_time_seconds", "mlops_schedule_next_timestamp_seconds"),
    }


def rules() -> list[Any]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are_and_says_what_to_do(rule: Any) -> None:
    assert problems(rule["expr"]) == []
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert len(rule["annotations"]["description"]) > 40


def test_every_alert_has_a_test() -> None:
    tested = yaml.safe_load(RULES.with_name("mlops-tui.test.yml").read_text())["tests"]

    assert {test["name"] for test in tested} == {rule["alert"] for rule in rules()}
    for test in tested:
        expected = [len(one["exp_alerts"]) for one in test["alert_rule_test"]]
        assert sorted(expected) == [0, 1], test["name"]


def test_what_is_scraped_is_where_it_answers_by_default() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    targets = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]
    }
    default = EngineSettings()

    assert targets == {
        "mlops-engine": [f"127.0.0.1:{default.flow_api.port}"],
        "mlops-predictor": [f"127.0.0.1:{default.predictor.port}"],
    }
