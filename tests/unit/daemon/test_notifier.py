from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from engine.config.engine_settings import NotificationSettings
from engine.daemon import notifier as notifier_module
from engine.daemon.notifier import Notifier
from engine.daemon.workers import Workers
from engine.errors import StorageError
from engine.schema import NotificationInfo
from engine.tables.drift_checks import DriftCheck, DriftChecks
from engine.tables.notifications import Outbox
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.loop import end_all, for_a_moment, in_event_loop, running, until
from tests.unit.daemon.stand_ins import Flaky, accept, end
from tests.unit.prefect_server.http_server import Answer, AnsweringServer, Heard, answering

PAUSES = (0.005, 0.005, 0.005)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier_module, "_PAUSES_SECONDS", PAUSES)


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as listening:
        yield listening


class Room:
    """A notifier with everything around it."""

    def __init__(self, workspace: Workspace, server: AnsweringServer) -> None:
        self.workspace = workspace
        self.url = f"http://127.0.0.1:{server.port}"
        self.table = RunTable(workspace.database)
        self.flaky = Flaky(self.table, StorageError("the disk is full"))
        self.outbox = Outbox(workspace.database)
        self.workers = Workers()
        self.settings = NotificationSettings()
        self.tell(f"{self.url}/hook")
        self.notifier = self.another()

    def another(self) -> Notifier:
        """A notifier as the next engine has it."""
        return Notifier(self.workspace, self.flaky, lambda: self.settings, self.workers)

    def tell(self, *webhooks: str, states: tuple[str, ...] = ("FAILED", "CRASHED")) -> None:
        """Set whom to tell."""
        self.settings = NotificationSettings(
            webhooks=webhooks, states=states, allowed_hosts=("127.0.0.1",)
        )

    def ends(self, run_id: str, state: str = "FAILED", message: str = "row 7") -> None:
        accept(self.table, run_id)
        end(self.table, run_id, state, message)
        self.notifier.wake()

    def is_decided(self) -> bool:
        return not self.table.unannounced()

    def messages(self) -> list[tuple[str, int, bool, str]]:
        """Target, attempts, whether it was delivered and the problem of each, oldest first."""
        return [
            (found.target, found.attempts, found.delivered is not None, found.problem)
            for found in reversed(self.outbox.newest(100))
        ]

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        try:
            async with running(self.notifier.deliver()):
                yield
        finally:
            self.workers.close()


@pytest.fixture
def room(workspace: Workspace, server: AnsweringServer) -> Room:
    return Room(workspace, server)


@in_event_loop
async def test_that_a_run_ended_badly_is_told_to_everyone(
    room: Room, server: AnsweringServer
) -> None:
    room.tell(f"{room.url}/a", f"{room.url}/b")

    async with room.at_work():
        room.ends("r1", "CRASHED", "its process was killed")
        await until(lambda: len(server.heard) == 2)
        await until(lambda: all(done for _, _, done, _ in room.messages()))
        newest = await room.notifier.newest()

    assert sorted(request.path for request in server.heard) == ["/a", "/b"]
    body = server.heard[0].body
    assert body["run"]["id"] == "r1"
    assert (body["run"]["state"], body["run"]["message"]) == ("CRASHED", "its process was killed")
    assert body["workspace"] == str(room.workspace.root)
    assert [(info.run_id, info.attempts, info.problem) for info in newest] == [("r1", 1, "")] * 2
    assert all(info.delivered is not None for info in newest)


@in_event_loop
async def test_runs_that_ended_before_the_engine_came_are_told_too(
    room: Room, server: AnsweringServer
) -> None:
    room.ends("r1")

    async with room.at_work():
        await until(lambda: server.heard)


@in_event_loop
async def test_only_the_ends_are_told_that_the_settings_name(
    room: Room, server: AnsweringServer
) -> None:
    room.tell(f"{room.url}/hook", states=("COMPLETED", "CANCELLED"))

    async with room.at_work():
        for run_id, state in [
            ("r1", "FAILED"),
            ("r2", "COMPLETED"),
            ("r3", "CRASHED"),
            ("r4", "CANCELLED"),
        ]:
            room.ends(run_id, state)
        accept(room.table, "r5")
        await until(lambda: len(server.heard) == 2)
        await until(room.is_decided)

    assert {request.body["run"]["id"] for request in server.heard} == {"r2", "r4"}


@in_event_loop
async def test_each_run_is_decided_about_once(room: Room, server: AnsweringServer) -> None:
    """A target that is added later is told of what ends later; so does a state."""
    room.tell(f"{room.url}/a")
    async with room.at_work():
        room.ends("r1", "FAILED")
        room.ends("r2", "COMPLETED")
        await until(lambda: server.heard and room.is_decided())
        room.tell(f"{room.url}/a", f"{room.url}/b", states=("FAILED", "COMPLETED"))
        room.notifier.wake()
        await for_a_moment()
        async with running(room.another().deliver()):
            await for_a_moment()
        assert [request.path for request in server.heard] == ["/a"]

        room.ends("r3", "COMPLETED")
        await until(lambda: len(server.heard) == 3)

    assert {request.body["run"]["id"] for request in server.heard[1:]} == {"r3"}


def in_order(*answers: Answer) -> Iterator[Answer]:
    yield from answers
    while True:
        yield answers[-1]


def answer_with(server: AnsweringServer, *answers: Answer) -> None:
    waiting = in_order(*answers)
    server.answer = lambda _: next(waiting)


@in_event_loop
async def test_what_could_not_be_delivered_is_tried_again(
    room: Room, server: AnsweringServer
) -> None:
    answer_with(server, (500, b"not now"), (503, b"not now"), (200, b""))

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][2])

    assert room.messages() == [(f"webhook {room.url}/hook", 3, True, "")]
    assert len(server.heard) == 3


@in_event_loop
async def test_what_can_clearly_not_be_delivered_is_given_up_on_with_the_reason(
    room: Room, server: AnsweringServer
) -> None:
    answer_with(server, (410, b"gone"))

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1] == len(PAUSES) + 1)
        room.notifier.wake()
        await for_a_moment()
        (info,) = await room.notifier.newest()

    assert len(server.heard) == len(PAUSES) + 1
    assert room.outbox.next_try() is None
    assert (info.delivered, info.problem) == (None, "127.0.0.1 answered HTTP 410: gone")


@in_event_loop
async def test_until_the_next_attempt_nothing_is_tried(
    room: Room, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier_module, "_PAUSES_SECONDS", (3600.0,))
    answer_with(server, (500, b""))

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1])
        room.notifier.wake()
        await for_a_moment()

    assert len(server.heard) == 1


@in_event_loop
async def test_a_target_that_does_not_work_holds_up_no_other(
    room: Room, server: AnsweringServer
) -> None:
    def answer(request: Heard) -> Answer:
        return (500, b"broken") if request.path == "/a" else (200, b"")

    server.answer = answer
    room.tell(f"{room.url}/a", "no://webhook.example/", f"{room.url}/b")

    async with room.at_work():
        room.ends("r1")
        await until(lambda: any(done for _, _, done, _ in room.messages()))
        await until(lambda: all(done or problem for _, _, done, problem in room.messages()))

    broken, wrong, working = room.messages()
    assert broken[3] == "127.0.0.1 answered HTTP 500: broken"
    assert "must begin with http:// or https://" in wrong[3]
    assert working[2]


@in_event_loop
async def test_an_answer_that_cannot_be_unpacked_does_not_end_the_telling(
    room: Room, server: AnsweringServer
) -> None:
    answer_with(server, (200, b"no gzip", {"content-encoding": "gzip"}), (200, b""))

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][2])


def write_secrets(workspace: Workspace, text: str) -> None:
    workspace.secrets.write_text(text)
    workspace.secrets.chmod(0o600)


@in_event_loop
async def test_53_a_secret_in_an_address_is_used_and_never_kept_or_shown(
    room: Room, server: AnsweringServer
) -> None:
    """Many servers repeat in their answer what they were asked for."""
    write_secrets(room.workspace, "HOOK=very-secret-path\n")
    room.tell(f"{room.url}/${{HOOK}}")
    server.answer = lambda request: (404, f"no {request.path} here".encode())

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1])
        newest = await room.notifier.newest()

    assert server.heard[0].path == "/very-secret-path"
    assert "very-secret-path" not in repr(room.messages()) + repr(newest)
    assert newest[0].target == "webhook http://127.0.0.1/***"
    assert newest[0].problem == "127.0.0.1 answered HTTP 404: no /*** here"
    assert room.messages()[0][0] == f"webhook {room.url}/${{HOOK}}"


@in_event_loop
async def test_a_secret_from_the_environment_is_not_shown_either(
    room: Room, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", "very-secret-path")
    room.tell(f"{room.url}/${{HOOK}}")
    server.answer = lambda request: (404, f"no {request.path} here".encode())

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1])

    assert server.heard[0].path == "/very-secret-path"
    assert "very-secret-path" not in room.messages()[0][3]


@in_event_loop
async def test_an_address_whose_secret_is_missing_is_a_problem_until_it_is_there(
    room: Room, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier_module, "_PAUSES_SECONDS", (0.01,) * 1000)
    room.tell(f"{room.url}/${{NO_SUCH_HOOK}}")

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1])
        assert "${NO_SUCH_HOOK} stands for nothing" in room.messages()[0][3]
        write_secrets(room.workspace, "NO_SUCH_HOOK=x\n")
        await until(lambda: room.messages()[0][2])

    assert server.heard[0].path == "/x"


@in_event_loop
async def test_secrets_that_others_may_read_are_not_used(
    room: Room, server: AnsweringServer
) -> None:
    write_secrets(room.workspace, "HOOK=very-secret-path\n")
    room.workspace.secrets.chmod(0o644)
    room.tell(f"{room.url}/${{HOOK}}")

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1])

    assert "others may read it" in room.messages()[0][3]
    assert server.heard == []


@in_event_loop
async def test_this_machine_is_not_told_unless_it_is_named(
    room: Room, server: AnsweringServer
) -> None:
    room.settings = NotificationSettings(webhooks=(f"{room.url}/hook",))

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1])

    assert "notifications.allowed_hosts" in room.messages()[0][3]
    assert server.heard == []


@in_event_loop
async def test_a_run_that_is_deleted_takes_its_messages_along(
    room: Room, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier_module, "_PAUSES_SECONDS", (0.01,) * 1000)
    answer_with(server, (500, b""))

    async with room.at_work():
        room.ends("r1")
        await until(lambda: room.messages() and room.messages()[0][1])
        room.table.delete("r1")
        await until(lambda: room.messages() == [])
        server.heard.clear()
        room.notifier.wake()
        room.ends("r2")
        await until(lambda: server.heard)

    assert {request.body["run"]["id"] for request in server.heard} == {"r2"}


@in_event_loop
async def test_what_cannot_be_decided_for_a_while_is_decided_later(
    room: Room, server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier_module, "_LONGEST_SLEEP_SECONDS", 0.005)
    room.flaky.failures["unannounced"] = 3

    async with room.at_work():
        room.ends("r1")
        await until(lambda: server.heard)


@pytest.mark.parametrize("turns", range(5))
@in_event_loop
async def test_a_notifier_that_is_cancelled_while_it_is_woken_has_ended(
    room: Room, turns: int
) -> None:
    task = asyncio.create_task(room.notifier.deliver())
    await for_a_moment()

    room.notifier.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=5.0)
    ended = task.done()

    await end_all([task])
    room.workers.close()
    assert ended


def outcome_of(infos: list[NotificationInfo]) -> list[tuple[str, bool, str]]:
    return [(info.target, info.delivered is not None, info.problem) for info in infos]


@in_event_loop
async def test_a_test_message_goes_to_every_target_at_once_and_it_is_said_how_it_went(
    room: Room, server: AnsweringServer
) -> None:
    server.answer = lambda request: (200 if request.path == "/a" else 403, b"forbidden")
    room.tell(f"{room.url}/a", f"{room.url}/b", states=())
    try:
        told = await room.notifier.test()
    finally:
        room.workers.close()

    assert outcome_of(told) == [
        ("webhook http://127.0.0.1/***", True, ""),
        ("webhook http://127.0.0.1/***", False, "127.0.0.1 answered HTTP 403: forbidden"),
    ]
    assert "no run has failed" in server.heard[0].body["run"]["message"]
    # Nothing of it is kept: it is about no run.
    assert room.messages() == []


@in_event_loop
async def test_without_targets_there_is_nobody_to_test(room: Room) -> None:
    room.tell()
    try:
        assert await room.notifier.test() == []
    finally:
        room.workers.close()


@in_event_loop
async def test_what_apprise_speaks_is_told_too(room: Room, server: AnsweringServer) -> None:
    address = room.url.replace("http://", "json://")
    room.settings = NotificationSettings(apprise=(f"{address}/hook", "nosuchthing://x"))
    try:
        told = await room.notifier.test()
    finally:
        room.workers.close()

    assert outcome_of(told) == [
        ("apprise json://127.0.0.1/***", True, ""),
        ("apprise nosuchthing://***", False, "Apprise does not know this kind of address"),
    ]
    assert server.heard[0].body["title"].startswith("full_flow test-message")


@in_event_loop
async def test_drift_is_told_like_the_end_of_a_run(room: Room, server: AnsweringServer) -> None:
    checks = DriftChecks(room.workspace.database)
    check = DriftCheck(1.0, "timeseries", "lstm-1", "drifted", 9, ("it sells more",))
    number = checks.add(check)

    async with room.at_work():
        checks.decide(
            number, "notify", "those under notifications are told", room.notifier.targets()
        )
        room.notifier.wake()
        await until(lambda: server.heard)
        await until(lambda: all(done for _, _, done, _ in room.messages()))
        (told,) = await room.notifier.newest()

    body = server.heard[0].body
    assert (body["event"], body["drift"]["version"]) == ("drift.found", "lstm-1")
    assert "it sells more" in body["text"]
    assert (told.run_id, told.check_id) == ("", number)
