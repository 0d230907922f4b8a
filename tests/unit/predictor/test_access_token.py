from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.predictor.access_token import Door, read_token
from engine.predictor.refusal import RefusalError
from engine.workspace import Workspace
from tests.unit.several_processes import at_once


def test_a_token_is_made_once_and_is_for_its_owner_alone(workspace: Workspace) -> None:
    token = read_token(workspace)

    assert len(token) >= 40
    assert read_token(workspace) == token
    assert workspace.token.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in workspace.root.iterdir() if "token" in path.name] == ["token"]


@pytest.mark.parametrize(("content", "mode"), [("", 0o600), ("a-token", 0o644), ("\xff", 0o600)])
def test_a_token_that_others_may_read_or_that_is_none_is_refused(
    workspace: Workspace, content: str, mode: int
) -> None:
    workspace.token.write_text(content, encoding="latin-1")
    workspace.token.chmod(mode)

    with pytest.raises(StorageError, match="token"):
        read_token(workspace)


def test_of_several_workers_that_make_one_at_once_all_have_the_same(tmp_path: Path) -> None:
    Workspace(tmp_path).create()
    code = """
from pathlib import Path
from engine.predictor.access_token import Door, read_token
from engine.predictor.refusal import RefusalError
from engine.workspace import Workspace
wait_for_start()
print(read_token(Workspace(Path(sys.argv[1]))))
"""
    tokens = at_once(code, [[str(tmp_path)]] * 4)

    assert len(set(tokens)) == 1


def test_20_who_guesses_tokens_has_to_wait_and_is_written_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = Door("the-token")
    for _ in range(10):
        with pytest.raises(RefusalError) as refused:
            door.check(b"Bearer wrong", None, "10.0.0.9")
        assert refused.value.status == 401

    with pytest.raises(RefusalError) as refused:
        door.check(b"Bearer the-token", None, "10.0.0.9")

    assert refused.value.status == 429
    assert 50 < int(refused.value.headers[b"retry-after"]) <= 60
    assert caplog.text.count("a wrong token came from 10.0.0.9") == 10
    assert "the-token" not in caplog.text
    door.check(b"bearer the-token", None, "10.0.0.8")


def test_who_brings_no_token_guesses_nothing() -> None:
    door = Door("the-token")

    for _ in range(20):
        with pytest.raises(RefusalError) as refused:
            door.check(None, None, "10.0.0.9")
        assert refused.value.status == 401

    door.check(b"Bearer the-token", None, "10.0.0.9")
