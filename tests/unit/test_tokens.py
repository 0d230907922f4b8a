from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError, StorageError
from engine.tokens import Identity, Role, Tokens
from engine.workspace import Workspace
from tests.unit.several_processes import at_once


@pytest.fixture
def tokens(workspace: Workspace) -> Tokens:
    return Tokens(workspace)


def test_the_owners_token_is_made_once_and_is_for_its_owner_alone(
    workspace: Workspace, tokens: Tokens
) -> None:
    token = tokens.owner()

    assert len(token) >= 40
    assert tokens.owner() == token
    assert workspace.token.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in workspace.root.iterdir() if "token" in path.name] == ["token"]
    assert tokens.identify(token.encode()) == Identity("owner", "admin")


@pytest.mark.parametrize(("content", "mode"), [("", 0o600), ("a-token", 0o644), ("\xff", 0o600)])
def test_a_token_that_others_may_read_or_that_is_none_is_refused(
    workspace: Workspace, tokens: Tokens, content: str, mode: int
) -> None:
    workspace.token.write_text(content, encoding="latin-1")
    workspace.token.chmod(mode)

    with pytest.raises(StorageError, match="token"):
        tokens.owner()


def test_of_several_processes_that_make_one_at_once_all_have_the_same(tmp_path: Path) -> None:
    Workspace(tmp_path).create()
    code = """
from pathlib import Path
from engine.tokens import Tokens
from engine.workspace import Workspace
wait_for_start()
print(Tokens(Workspace(Path(sys.argv[1]))).owner())
"""
    made = at_once(code, [[str(tmp_path)]] * 4)

    assert len(set(made)) == 1


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_a_token_says_who_comes_and_is_itself_kept_nowhere(
    workspace: Workspace, tokens: Tokens, role: Role
) -> None:
    token = tokens.create("line-3", role)

    assert tokens.identify(token.encode()) == Identity("line-3", role)
    assert workspace.tokens.stat().st_mode & 0o777 == 0o600
    for path in workspace.root.rglob("*"):
        assert not path.is_file() or token not in path.read_text(errors="replace")


@pytest.mark.parametrize("wrong", [b"", b"mlops-", b"\xff\x00", b"x" * 10_000])
def test_what_is_no_token_is_nobodys(tokens: Tokens, wrong: bytes) -> None:
    tokens.create("line-3", "viewer")

    assert tokens.identify(wrong) is None


def test_19_a_token_that_was_revoked_or_has_expired_is_worth_nothing(tokens: Tokens) -> None:
    revoked = tokens.create("gone", "admin")
    expired = tokens.create("old", "admin", expires=time.time() - 1.0)
    living = tokens.create("new", "admin", expires=time.time() + 1000.0)

    assert tokens.revoke("gone").name == "gone"

    assert tokens.identify(revoked.encode()) is None
    assert tokens.identify(expired.encode()) is None
    assert tokens.identify(living.encode()) == Identity("new", "admin")
    with pytest.raises(NotFoundError, match="There is: new, old"):
        tokens.revoke("gone")


def test_a_name_is_given_once(tokens: Tokens) -> None:
    tokens.create("line-3", "viewer")

    for name in ("line-3", "owner"):
        with pytest.raises(ConflictError, match=name):
            tokens.create(name, "viewer")


def test_tokens_made_at_once_are_all_kept(workspace: Workspace, tokens: Tokens) -> None:
    code = """
from pathlib import Path
from engine.tokens import Tokens
from engine.workspace import Workspace
wait_for_start()
print(Tokens(Workspace(Path(sys.argv[1]))).create(sys.argv[2], "viewer"))
"""
    made = at_once(code, [[str(workspace.root), f"t{number}"] for number in range(4)])

    assert [record.name for record in tokens.records()] == ["t0", "t1", "t2", "t3"]
    assert [tokens.identify(token.strip().encode()) for token in made] == [
        Identity(f"t{number}", "viewer") for number in range(4)
    ]


@pytest.mark.parametrize("content", ["", "[", "{}", '[{"name": "x", "role": "king"}]', "\udcff"])
def test_a_damaged_file_lets_nobody_in_and_says_what_to_do(
    workspace: Workspace, tokens: Tokens, content: str
) -> None:
    workspace.tokens.write_text(content, errors="surrogateescape")
    workspace.tokens.chmod(0o600)

    with pytest.raises(StorageError, match="engine token create"):
        tokens.identify(b"x")


@pytest.mark.parametrize(
    ("role", "needed", "is_enough"),
    [
        ("viewer", "viewer", True),
        ("viewer", "operator", False),
        ("operator", "viewer", True),
        ("operator", "admin", False),
        ("admin", "operator", True),
    ],
)
def test_each_role_may_what_those_before_it_may(role: Role, needed: Role, is_enough: bool) -> None:
    assert Identity("x", role).may(needed) == is_enough
