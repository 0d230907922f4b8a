from __future__ import annotations

import math
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from engine.daemon.metrics.exposition import Metric, Reading, histogram, render
from engine.daemon.metrics.page import MetricsPage
from engine.errors import StorageError
from tests.unit.daemon.loop import in_event_loop

SIZE = Metric("size_bytes", "gauge", 'How "large"\\small it is.', ("name",))
TOOK = Metric("took_seconds", "histogram", "How long.", ("flow",))
ABSENT = Metric("absent", "gauge", "Nothing has it.")


def test_the_text_says_to_a_scraper_what_was_read() -> None:
    odd = 'a "quoted"\\ name\nof two lines, 재고'
    text = render(
        [SIZE, ABSENT, TOOK],
        [
            Reading(SIZE, (odd,), 7),
            *histogram(TOOK, ("data_flow",), {1.0: 2, 5.0: 0, 60.0: 3}, 99.5),
        ],
    )

    size, took = text_string_to_metric_families(text)
    assert [(one.name, one.labels, one.value) for one in size.samples] == [
        ("size_bytes", {"name": odd}, 7.0)
    ]
    assert took.type == "histogram"
    buckets = {one.labels["le"]: one.value for one in took.samples if "le" in one.labels}
    assert buckets == {"1.0": 2.0, "5.0": 2.0, "60.0": 5.0, "+Inf": 5.0}
    sums = {one.name: one.value for one in took.samples if "le" not in one.labels}
    assert sums == {"took_seconds_sum": 99.5, "took_seconds_count": 5.0}
    assert "absent" not in text


def test_numbers_that_are_none_are_written_as_scrapers_know_them() -> None:
    text = render([SIZE], [Reading(SIZE, ("a",), math.inf), Reading(SIZE, ("b",), math.nan)])

    (size,) = text_string_to_metric_families(text)
    first, second = (one.value for one in size.samples)
    assert first == math.inf
    assert math.isnan(second)


class Good:
    metrics = (SIZE,)

    async def collect(self) -> Iterable[Reading]:
        return [Reading(SIZE, ("a",), 1)]


class Broken:
    metrics = (ABSENT,)

    async def collect(self) -> Iterable[Reading]:
        raise StorageError("the disk is gone")


@in_event_loop
async def test_what_one_collector_cannot_read_costs_nothing_of_the_others() -> None:
    page = MetricsPage({"broken": Broken()})
    page.collectors["added_later"] = Good()

    text = await page.text()

    assert 'mlops_collector_ok{collector="broken"} 0.0' in text
    assert 'mlops_collector_ok{collector="added_later"} 1.0' in text
    assert 'size_bytes{name="a"} 1.0' in text
    assert "absent" not in text
