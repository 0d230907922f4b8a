from __future__ import annotations

from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand


def test_a_finding_is_marked_and_says_what_to_do(
    command: EngineCommand, workspace: Workspace
) -> None:
    workspace.root.chmod(0o755)

    answer = command("doctor")

    assert answer.code == 1
    assert (
        "✗ permissions: 755\n"
        f"    Others can read run data and credentials: chmod 700 {workspace.root}\n"
    ) in answer.out
    assert "✓ python: " in answer.out


def test_findings_can_be_had_as_json(command: EngineCommand, workspace: Workspace) -> None:
    workspace.root.chmod(0o755)

    answer = command("doctor", "--json")

    assert (answer.code, answer.json["ok"]) == (1, False)
    checks = {check["name"]: check for check in answer.json["checks"]}
    assert checks["permissions"] == {
        "name": "permissions",
        "ok": False,
        "state": "error",
        "message": "755",
        "advice": f"Others can read run data and credentials: chmod 700 {workspace.root}",
    }
    assert (checks["python"]["state"], checks["python"]["advice"]) == ("ok", "")
    # Nothing is wrong, and yet there is something to do.
    assert checks["champion"]["state"] == "warning"
    assert "engine run full_flow" in checks["champion"]["advice"]


def test_a_damaged_database_does_not_keep_the_doctor_away(
    command: EngineCommand, workspace: Workspace
) -> None:
    workspace.database.write_bytes(b"not a database at all" * 100)

    answer = command("doctor")

    assert answer.code == 1
    assert "✗ engine.db: file is not a database" in answer.out
    assert f"Move {workspace.database} away" in answer.out
