"""`engine worker` and `engine prefect info`: what is said before anything is started."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from engine.cli.guard import run_guarded
from engine.cli.main import engine
from engine.workspace import Workspace
from tests.unit.prefect_server.http_server import answering

STORAGE = 'storage: {url: "file:///tmp/shared"}\n'


def say(
    workspace: Workspace, *arguments: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    status = run_guarded(engine, ["--workspace", str(workspace.root), *arguments])
    said = capsys.readouterr()
    return status, said.out + said.err


def configure(workspace: Workspace, text: str) -> None:
    (workspace.configs / "engine.yaml").write_text(text)


@pytest.mark.parametrize(
    ("settings", "arguments", "status", "sentence"),
    [
        ("timezone: local", (), 2, "no work pool is named"),
        ("timezone: local", ("--pool=factory",), 2, "need a storage that this machine"),
        (STORAGE, ("--pool=factory",), 2, "it is not said where the Prefect server is"),
        (
            STORAGE + "prefect_server: {url: 'http://127.0.0.1:9/api'}",
            ("--pool=factory",),
            6,
            "does not answer",
        ),
    ],
)
def test_what_a_worker_lacks_is_said(
    settings: str,
    arguments: tuple[str, ...],
    status: int,
    sentence: str,
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(workspace, settings)

    found, said = say(workspace, "worker", *arguments, capsys=capsys)

    assert (found, sentence in said) == (status, True), said


def test_the_help_of_both_says_what_they_are_for() -> None:
    for command in (["worker"], ["prefect"], ["prefect", "ui"], ["prefect", "info"]):
        shown = CliRunner().invoke(engine, [*command, "--help"])
        assert shown.exit_code == 0
        assert re.search(r"[Ww]orker|server", shown.output)


def test_how_a_worker_attaches_is_told_without_the_credentials(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(lambda _: (404, {})) as server:
        url = server.connection.url
        text = f'prefect_server: {{url: "{url}", auth: "${{PREFECT_AUTH}}", work_pool: factory}}\n'
        configure(workspace, STORAGE + text)
        workspace.secrets.write_text("PREFECT_AUTH=ops:s3cret-word\n")
        workspace.secrets.chmod(0o600)

        status, said = say(workspace, "prefect", "info", "--json", capsys=capsys)

    info = json.loads(said)
    assert (status, info["url"], info["own"]) == (0, url, False)
    assert info["problem"].startswith("there is no work pool factory")
    assert "s3cret-word" not in said
    assert any("engine worker" in line for line in info["attach"])
