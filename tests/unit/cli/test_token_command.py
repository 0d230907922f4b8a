from __future__ import annotations

import pytest

from engine.tokens import Identity, Tokens
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand


def test_a_token_is_shown_once_and_lets_its_bearer_in(
    command: EngineCommand, workspace: Workspace
) -> None:
    answer = command("token", "create", "line-3", "--role", "operator", "--expires", "90d")

    token = answer.out.strip()
    assert answer.code == 0
    assert "not shown again" in answer.err
    assert Tokens(workspace).identify(token.encode()) == Identity("line-3", "operator")
    listed = command("token", "list")
    assert token not in listed.out
    assert listed.out.splitlines()[1].split()[:2] == ["line-3", "operator"]
    (row,) = command("token", "list", "--json").json
    assert (row["name"], row["role"]) == ("line-3", "operator")
    assert row["expires"] - row["created"] == pytest.approx(90 * 86_400, abs=5)


def test_a_revoked_token_is_gone(command: EngineCommand, workspace: Workspace) -> None:
    token = command("token", "create", "line-3", "--json").json["token"]

    assert command("token", "revoke", "line-3").out == "revoked: line-3 (viewer)\n"

    assert Tokens(workspace).identify(token.encode()) is None
    assert command("token", "revoke", "line-3").code == 5
    assert "engine token create" in command("token", "list").out


@pytest.mark.parametrize("name", ["Line", "a b", "../x", "", "x" * 65, "-x"])
def test_a_name_that_is_none_is_refused(command: EngineCommand, name: str) -> None:
    assert command("token", "create", "--", name).code == 2


@pytest.mark.parametrize("span", ["0d", "90", "d", "-1d", "1w", "1d1h"])
def test_a_time_that_is_none_is_refused(command: EngineCommand, span: str) -> None:
    answer = command("token", "create", "line-3", f"--expires={span}")

    assert answer.code == 2
    assert "90d" in answer.err


def test_the_same_name_twice_is_a_conflict(command: EngineCommand) -> None:
    command("token", "create", "line-3")

    assert command("token", "create", "line-3").code == 8
