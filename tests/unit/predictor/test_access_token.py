from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.predictor.access_token import read_token
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
from engine.predictor.access_token import read_token
from engine.workspace import Workspace
wait_for_start()
print(read_token(Workspace(Path(sys.argv[1]))))
"""
    tokens = at_once(code, [[str(tmp_path)]] * 4)

    assert len(set(tokens)) == 1
