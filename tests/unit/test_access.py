from __future__ import annotations

import pytest

from engine.access import Door, check_host, is_among, networks
from engine.refusal import RefusalError
from engine.tokens import Identity, Tokens
from engine.workspace import Workspace


@pytest.fixture
def tokens(workspace: Workspace) -> Tokens:
    return Tokens(workspace)


def test_who_brings_a_token_that_allows_it_is_let_in(tokens: Tokens) -> None:
    token = tokens.create("line-3", "operator").encode()
    door = Door(tokens)

    assert door.check(b"Bearer " + token, "10.0.0.9", "viewer") == Identity("line-3", "operator")
    assert door.check(b"bearer  " + token, "10.0.0.9", "operator").name == "line-3"
    with pytest.raises(RefusalError, match="line-3 has the role operator; this needs admin"):
        door.check(b"Bearer " + token, "10.0.0.9", "admin")


@pytest.mark.parametrize("kind", [b"Basic ", b"", b"Token ", b"Bearer"])
def test_19_a_token_counts_in_its_place_alone(tokens: Tokens, kind: bytes) -> None:
    token = tokens.owner().encode()

    with pytest.raises(RefusalError) as denied:
        Door(tokens).check(kind + token, "10.0.0.9", "viewer")

    assert denied.value.status == 401
    assert denied.value.headers[b"www-authenticate"] == b"Bearer"


def test_20_who_guesses_tokens_has_to_wait_and_is_written_down(
    tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door(tokens)
    right = b"Bearer " + tokens.owner().encode()
    for _ in range(10):
        with pytest.raises(RefusalError) as denied:
            door.check(b"Bearer wrong", "10.0.0.9", "viewer")
        assert denied.value.status == 401

    with pytest.raises(RefusalError) as denied:
        door.check(b"Bearer wrong", "10.0.0.9", "viewer")

    assert denied.value.status == 429
    assert 50 < int(denied.value.headers[b"retry-after"]) <= 60
    assert caplog.text.count("a wrong token came from 10.0.0.9") == 10
    assert tokens.owner() not in caplog.text
    # Who guesses cannot lock out who need not guess.
    assert door.check(right, "10.0.0.9", "admin").role == "admin"


def test_who_brings_no_token_guesses_nothing(tokens: Tokens) -> None:
    door = Door(tokens)

    for _ in range(20):
        with pytest.raises(RefusalError) as denied:
            door.check(None, "10.0.0.9", "viewer")
        assert denied.value.status == 401

    door.check(b"Bearer " + tokens.owner().encode(), "10.0.0.9", "viewer")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"localhost", "localhost"),
        (b"LOCALHOST:8686", "localhost"),
        (b"127.0.0.1:8686", "127.0.0.1"),
        (b"[::1]:8686", "::1"),
        (b"flows.shop.example:443", "flows.shop.example"),
    ],
)
def test_17_our_own_names_are_taken(host: bytes, name: str) -> None:
    assert check_host(host, {"flows.shop.example"}, "x") == name


@pytest.mark.parametrize("host", [None, b"", b"evil.example", b"localhost.evil.example", b"\xff"])
def test_17_others_are_refused_with_the_setting_that_would_allow_them(host: bytes | None) -> None:
    with pytest.raises(RefusalError, match=r"flow_api\.allowed_hosts") as denied:
        check_host(host, set(), "flow_api.allowed_hosts")

    assert denied.value.status == 421


def test_17_where_others_may_come_an_address_is_what_it_says_and_a_name_is_not() -> None:
    assert check_host(b"192.0.2.7:4242", set(), "x", addresses=True) == "192.0.2.7"
    assert check_host(b"[2001:db8::7]", set(), "x", addresses=True) == "2001:db8::7"
    for host in (b"192.0.2.7.evil.example", b"evil.example", b"192.0.2"):
        with pytest.raises(RefusalError):
            check_host(host, set(), "x", addresses=True)
    with pytest.raises(RefusalError):
        check_host(b"192.0.2.7", set(), "x")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("127.0.0.1", True),
        ("10.200.1.2", True),
        ("::ffff:10.0.0.1", True),
        ("11.0.0.1", False),
        ("::1", False),
        ("proxy.example", False),
        ("", False),
    ],
)
def test_an_address_is_in_a_network_or_is_not(address: str, found: bool) -> None:
    assert is_among(address, networks(["127.0.0.1", "10.1.0.0/8"])) is found
