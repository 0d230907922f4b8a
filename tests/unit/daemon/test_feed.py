from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from engine.daemon import feed as feed_module
from engine.daemon.feed import Feed, Item, Selection, Subscription
from engine.schema import (
    ChildInfo,
    DeletedEvent,
    Event,
    HealthEvent,
    LogEvent,
    ResetEvent,
    RunEvent,
    ScheduleEvent,
    StepEvent,
    decode_event,
)
from tests.unit.client.messages import run_info, step_info
from tests.unit.daemon.loop import PATIENCE_SECONDS, in_event_loop

EVERYTHING = Selection()


@pytest.fixture
def feed() -> Feed:
    return Feed("boot")


def health(state: str) -> HealthEvent:
    return HealthEvent(child=ChildInfo(name="x", state=state, pid=None, since=0.0, restarts=0))


def step(run_id: str, step_id: str = "s", **changed: object) -> StepEvent:
    return StepEvent(run_id=run_id, step=step_info(step_id, **changed))


def log(run_id: str, *lines: str) -> LogEvent:
    return LogEvent(run_id=run_id, lines=lines, cursor="0:0")


def run(run_id: str, state: str = "RUNNING") -> RunEvent:
    return RunEvent(run=run_info(id=run_id, state=state))


async def _items(subscription: Subscription) -> list[Item]:
    items = []
    async with contextlib.aclosing(subscription.items(quiet_seconds=0)) as stream:
        async for item in stream:
            if item is None:
                break
            items.append(item)
    return items


def items_of(subscription: Subscription) -> list[Item]:
    """What a listener is sent that leaves with it."""
    return asyncio.run(_items(subscription))


def events_of(subscription: Subscription) -> list[Event]:
    """Likewise, without what every listener is sent first."""
    events: list[Event] = [decode_event(item.data) for item in items_of(subscription)]
    return [event for event in events if event != ResetEvent(reason="the feed begins")]


def number_of(item: Item) -> int:
    return int(item.id.removeprefix("boot-"))


def test_the_first_word_is_that_everything_must_be_asked_for(feed: Feed) -> None:
    feed.publish(DeletedEvent(run_id="of before"))

    (item,) = items_of(feed.subscribe(EVERYTHING))

    assert decode_event(item.data) == ResetEvent(reason="the feed begins")


def test_what_happens_comes_in_order(feed: Feed) -> None:
    subscription = feed.subscribe(EVERYTHING)
    events = [run("a"), step("a"), DeletedEvent(run_id="b"), ScheduleEvent(name="n"), health("off")]
    for event in events:
        feed.publish(event)

    items = items_of(subscription)

    assert [decode_event(item.data) for item in items][1:] == events
    numbers = [number_of(item) for item in items]
    assert numbers == sorted(set(numbers))


def test_every_listener_hears_everything(feed: Feed) -> None:
    subscriptions = [feed.subscribe(EVERYTHING) for _ in range(3)]
    feed.publish(run("a"))

    assert [events_of(subscription) for subscription in subscriptions] == [[run("a")]] * 3


def test_who_wants_one_run_hears_of_nothing_else(feed: Feed) -> None:
    subscription = feed.subscribe(Selection("a"))
    for event in [
        run("a"),
        run("b"),
        step("b"),
        step("a"),
        health("off"),
        ScheduleEvent(name="n"),
        DeletedEvent(run_id="b"),
        DeletedEvent(run_id="a"),
    ]:
        feed.publish(event)

    assert events_of(subscription) == [run("a"), step("a"), DeletedEvent(run_id="a")]


def test_lines_of_a_log_go_to_who_asked_for_those_of_this_run(feed: Feed) -> None:
    asked = feed.subscribe(Selection("a", logs=True))
    of_another = feed.subscribe(Selection("b", logs=True))
    without = feed.subscribe(Selection("a"))
    of_all = feed.subscribe(EVERYTHING)
    of_all_with_logs = feed.subscribe(Selection(logs=True))

    feed.publish(log("a", "one"))
    feed.publish(run("a"))

    assert events_of(asked) == [log("a", "one"), run("a")]
    assert events_of(of_another) == []
    assert events_of(without) == [run("a")]
    assert events_of(of_all) == [run("a")]
    assert events_of(of_all_with_logs) == [run("a")]


def test_a_log_is_wanted_as_long_as_somebody_listens_to_it(feed: Feed) -> None:
    assert not feed.wants_log("a")
    subscription = feed.subscribe(Selection("a", logs=True))
    feed.subscribe(Selection("b"))

    assert feed.wants_log("a")
    assert not feed.wants_log("b")

    events_of(subscription)
    assert not feed.wants_log("a")


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
def test_who_comes_back_hears_exactly_what_was_missed(feed: Feed, seen: int) -> None:
    first = feed.subscribe(EVERYTHING)
    events = [run("a"), step("a"), DeletedEvent(run_id="b")]
    for event in events:
        feed.publish(event)
    last_id = items_of(first)[seen].id

    again = feed.subscribe(EVERYTHING, last_id)
    feed.publish(health("off"))

    assert events_of(again) == [*events[seen:], health("off")]


def test_who_comes_back_hears_only_what_it_wants(feed: Feed) -> None:
    last_id = feed.id_of(0)
    feed.publish(run("a"))
    feed.publish(run("b"))

    assert events_of(feed.subscribe(Selection("b"), last_id)) == [run("b")]


@pytest.mark.parametrize(
    "last_id",
    [
        "",
        "-",
        "boot",
        "boot-",
        "boot-x",
        "boot--1",
        "boot-1.5",
        "boot-99",
        "boot-²",
        "an-earlier-boot-1",
        "other-1",
        "-1",
        "1",
        "boot-" + "9" * 10_000,
    ],
)
def test_who_comes_back_with_an_id_that_is_none_of_these_must_ask_anew(
    feed: Feed, last_id: str
) -> None:
    for _ in range(3):
        feed.publish(run("a"))

    assert events_of(feed.subscribe(EVERYTHING, last_id)) == [
        ResetEvent(reason="events were missed")
    ]


def test_who_was_away_for_too_long_must_ask_anew(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_REMEMBERED", 4)
    feed = Feed("boot")
    events = [DeletedEvent(run_id=str(number)) for number in range(1, 11)]
    for event in events:
        feed.publish(event)

    assert events_of(feed.subscribe(EVERYTHING, "boot-5")) == [
        ResetEvent(reason="events were missed")
    ]
    assert events_of(feed.subscribe(EVERYTHING, "boot-6")) == events[6:]
    assert events_of(feed.subscribe(EVERYTHING, "boot-10")) == []


def test_after_a_reset_it_goes_on_from_where_that_stood(feed: Feed) -> None:
    feed.publish(run("a"))
    (reset,) = items_of(feed.subscribe(EVERYTHING))
    feed.publish(run("b"))

    assert events_of(feed.subscribe(EVERYTHING, reset.id)) == [run("b")]


def test_lines_of_a_log_do_not_count_as_missed_by_who_does_not_want_them(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_REMEMBERED", 4)
    feed = Feed("boot")
    feed.publish(run("a"))
    for _ in range(20):
        feed.publish(log("a", "line"))
    feed.publish(run("b"))

    assert events_of(feed.subscribe(EVERYTHING, "boot-1")) == [run("b")]


def test_who_missed_lines_of_a_log_that_it_wants_hears_of_it(feed: Feed) -> None:
    """They are not remembered, so that it must ask for them."""
    feed.publish(run("a"))
    feed.publish(log("a", "line"))

    events = events_of(feed.subscribe(Selection("a", logs=True), "boot-1"))

    assert events in ([ResetEvent(reason="events were missed")], [log("a", "line")])


def test_a_newer_word_on_a_step_or_a_run_replaces_one_that_was_not_sent_yet(feed: Feed) -> None:
    subscription = feed.subscribe(EVERYTHING)
    for event in [
        step("a", "s", done=1),
        run("a", "PENDING"),
        step("a", "t", done=1),
        step("b", "s", done=1),
        step("a", "s", done=2),
        run("b"),
        run("a", "RUNNING"),
        step("a", "s", done=3),
    ]:
        feed.publish(event)

    items = items_of(subscription)

    assert [decode_event(item.data) for item in items][1:] == [
        step("a", "t", done=1),
        step("b", "s", done=1),
        run("b"),
        run("a", "RUNNING"),
        step("a", "s", done=3),
    ]
    numbers = [number_of(item) for item in items]
    assert numbers == sorted(set(numbers))


def test_nothing_else_replaces_anything(feed: Feed) -> None:
    subscription = feed.subscribe(Selection("a", logs=True))
    events = [log("a", "one"), log("a", "one"), DeletedEvent(run_id="a"), DeletedEvent(run_id="a")]
    for event in events:
        feed.publish(event)

    assert events_of(subscription) == events


def test_who_is_cut_off_while_words_replaced_each_other_misses_none(feed: Feed) -> None:
    """What was sent last is newer than anything that was not sent, or comes again."""
    subscription = feed.subscribe(EVERYTHING)
    feed.publish(step("a", "s", done=1))
    feed.publish(step("a", "t", done=1))
    feed.publish(step("a", "s", done=2))
    sent = items_of(subscription)[1]
    assert decode_event(sent.data) == step("a", "t", done=1)

    assert events_of(feed.subscribe(EVERYTHING, sent.id)) == [step("a", "s", done=2)]


def test_a_listener_that_is_too_slow_must_ask_anew_and_goes_on(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_MOST_WAITING", 3)
    slow = feed.subscribe(EVERYTHING)
    for number in range(5):
        feed.publish(DeletedEvent(run_id=str(number)))

    items = items_of(slow)

    events = [decode_event(item.data) for item in items]
    assert events[0] == ResetEvent(reason="this listener is too slow")
    assert events[1:] == [DeletedEvent(run_id=str(number)) for number in (3, 4)]
    numbers = [number_of(item) for item in items]
    assert numbers == sorted(set(numbers))


def test_a_flood_about_one_step_makes_nobody_slow(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_MOST_WAITING", 3)
    subscription = feed.subscribe(EVERYTHING)
    for done in range(100):
        feed.publish(step("a", done=done))

    assert events_of(subscription) == [step("a", done=99)]


def test_one_slow_listener_is_no_concern_of_the_others(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "_MOST_WAITING", 3)
    feed.subscribe(EVERYTHING)

    for number in range(10):
        other = feed.subscribe(EVERYTHING)
        feed.publish(DeletedEvent(run_id=str(number)))
        assert events_of(other) == [DeletedEvent(run_id=str(number))]


async def next_of(stream: AsyncIterator[Item | None]) -> Event | None:
    item = await asyncio.wait_for(anext(stream), PATIENCE_SECONDS)
    return None if item is None else decode_event(item.data)


@in_event_loop
async def test_a_listener_that_waits_hears_at_once() -> None:
    feed = Feed("boot")
    stream = feed.subscribe(EVERYTHING).items(quiet_seconds=3600)
    async with contextlib.aclosing(stream):
        await next_of(stream)
        waiting = asyncio.create_task(next_of(stream))
        await asyncio.sleep(0)
        feed.publish(run("a"))
        assert await waiting == run("a")

        feed.publish(run("b"))
        assert await next_of(stream) == run("b")


@in_event_loop
async def test_when_nothing_comes_a_listener_gets_a_sign_of_life() -> None:
    feed = Feed("boot")
    stream = feed.subscribe(EVERYTHING).items(quiet_seconds=0.005)
    async with contextlib.aclosing(stream):
        await next_of(stream)
        assert await next_of(stream) is None
        assert await next_of(stream) is None
        feed.publish(run("a"))
        assert await next_of(stream) == run("a")


@in_event_loop
async def test_who_is_cancelled_while_it_listens_has_left() -> None:
    feed = Feed("boot")
    stream = feed.subscribe(Selection("a", logs=True)).items(quiet_seconds=3600)
    await next_of(stream)
    waiting = asyncio.create_task(next_of(stream))
    await asyncio.sleep(0)
    assert feed.wants_log("a")

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert not feed.wants_log("a")


def test_who_has_left_is_sent_nothing_more(feed: Feed) -> None:
    subscription = feed.subscribe(EVERYTHING)

    async def leave_and_listen_again() -> list[Item]:
        await _items(subscription)
        feed.publish(run("a"))
        return await _items(subscription)

    assert asyncio.run(leave_and_listen_again()) == []
    feed.leave(subscription)
