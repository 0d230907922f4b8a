"""`engine notifications`."""

from __future__ import annotations

import time

import pytest

from engine.tables.engine_database import EngineDatabase
from engine.tables.notifications import Outbox
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import RUN_ID, add_run
from tests.unit.engine_thread import EngineThread, wait_until
from tests.unit.prefect_server.http_server import answering

# The discard service of this machine: the engine must refuse before it is asked.
LOCAL = "http://127.0.0.1:9/hooks/of-the-chat-server"


def tell(workspace: Workspace, *addresses: str, allowed: str = "") -> None:
    """Write whom to tell into the settings of the engine."""
    listed = ", ".join(f'"{address}"' for address in addresses)
    (workspace.configs / "engine.yaml").write_text(
        f"notifications: {{webhooks: [{listed}], allowed_hosts: [{allowed}]}}\n"
    )


@pytest.mark.usefixtures("light_engine")
def test_before_the_first_message_the_list_is_empty(command: EngineCommand) -> None:
    answer = command("notifications", "list")

    assert (answer.code, answer.out, answer.err) == (0, "no messages yet\n", "")
    assert command("notifications", "list", "--json").json == []


@pytest.mark.usefixtures("light_engine")
def test_where_nobody_would_be_told_a_test_says_what_to_set(command: EngineCommand) -> None:
    answer = command("notifications", "test")

    assert answer.code == 0
    assert "engine config reference notifications" in answer.out
    assert command("config", "reference", "notifications", "--json").json != []
    assert command("notifications", "test", "--json").json == []


@pytest.mark.usefixtures("light_engine")
def test_a_test_message_is_sent_to_everyone(command: EngineCommand, workspace: Workspace) -> None:
    with answering(lambda _: (200, {})) as server:
        address = server.connection.url.removesuffix("/api") + "/hooks/secret"
        tell(workspace, address, "https://127.0.0.1:9/x", allowed="127.0.0.1")
        answer = command("notifications", "test")
        data = command("notifications", "test", "--json").json

    delivered, refused = answer.out.splitlines()
    assert answer.code == 1
    assert delivered == "00000000  webhook http://127.0.0.1/***: delivered"
    assert refused.startswith("00000000  webhook https://127.0.0.1/***: not delivered: ")
    assert "cannot be reached" in refused
    assert [heard.path for heard in server.heard] == ["/hooks/secret"] * 2
    assert "This is a test" in server.heard[0].body["text"]
    assert [one["problem"] == "" for one in data] == [True, False]
    assert data[0]["delivered"] is not None
    assert data[1]["delivered"] is None


@pytest.mark.usefixtures("light_engine")
def test_a_test_that_is_delivered_to_everyone_is_a_success(
    command: EngineCommand, workspace: Workspace
) -> None:
    with answering(lambda _: (204, {})) as server:
        tell(workspace, server.connection.url, allowed="127.0.0.1")
        assert command("notifications", "test").code == 0
    assert len(server.heard) == 1


@pytest.mark.usefixtures("light_engine")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_secret_of_an_address_is_shown(
    command: EngineCommand, workspace: Workspace, options: list[str]
) -> None:
    workspace.secrets.write_text("HOOK=hunter2-hunter2\n")
    workspace.secrets.chmod(0o600)
    tell(workspace, "http://127.0.0.1:9/hooks/${HOOK}", "https://nobody:swordfish@127.0.0.1:9/x")

    answer = command("notifications", "test", *options)

    assert answer.code == 1
    assert "resolves to 127.0.0.1" in answer.out
    assert "hunter2" not in answer.out + answer.err
    assert "swordfish" not in answer.out + answer.err


@pytest.mark.usefixtures("light_engine")
def test_a_name_that_stands_for_nothing_is_told_with_what_to_do(
    command: EngineCommand, workspace: Workspace
) -> None:
    tell(workspace, "https://chat.example/${NO_SUCH_NAME}")

    answer = command("notifications", "test")

    assert answer.code == 1
    assert "${NO_SUCH_NAME} stands for nothing" in answer.out
    assert "secrets.env" in answer.out


def test_a_message_that_could_not_be_delivered_is_listed_with_the_reason(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    tell(workspace, LOCAL)
    add_run(table, state="FAILED", message="no date")
    add_run(table, "b1", state="COMPLETED")
    outbox = Outbox(workspace.database)
    with EngineThread(workspace):
        wait_until(lambda: any(message.attempts for message in outbox.newest(9)))
        answer = command("notifications", "list")
        (data,) = command("notifications", "list", "--json").json

    assert answer.code == 0
    assert answer.out.startswith("3f2a77c1  webhook http://127.0.0.1/***: not delivered: ")
    assert "notifications.allowed_hosts" in answer.out
    assert "of-the-chat-server" not in answer.out
    assert (data["run_id"], data["attempts"], data["delivered"]) == (RUN_ID, 1, None)


@pytest.mark.usefixtures("light_engine")
def test_a_message_that_was_not_tried_yet_says_so(
    command: EngineCommand, workspace: Workspace
) -> None:
    now = time.time()
    with EngineDatabase(workspace.database).transaction() as database:
        # The engine leaves it alone for an hour.
        database.execute(
            "INSERT INTO notifications (run_id, target, created, next_try) VALUES (?, ?, ?, ?)",
            (RUN_ID, f"webhook {LOCAL}", now, now + 3600),
        )

    answer = command("notifications", "list")

    assert answer.out.rstrip().endswith("about to be delivered")
