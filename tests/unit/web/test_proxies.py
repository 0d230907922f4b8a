"""Who is who behind a proxy: only one that is named in the settings is believed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from starlette.requests import Request

from engine.access import networks
from engine.daemon.web.guard import sender_of
from tests.unit.web.conftest import SETTINGS, Web


def sender(peer: str, *forwarded: str, proxies: Sequence[str] = ("127.0.0.1", "10.0.0.0/8")) -> str:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return sender_of(
        Request({"type": "http", "client": (peer, 1), "headers": headers}), networks(proxies)
    )


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        # Nobody but a proxy of ours is believed.
        ("192.0.2.7", ("198.51.100.1",), "192.0.2.7"),
        ("127.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        # The sender may have put anything before what the proxy wrote behind it.
        ("127.0.0.1", ("1.1.1.1, 198.51.100.1",), "198.51.100.1"),
        ("127.0.0.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),
        # Through two of ours.
        ("127.0.0.1", ("1.1.1.1, 198.51.100.1, 10.1.2.3",), "198.51.100.1"),
        ("10.1.2.3", ("10.9.9.9",), "10.9.9.9"),
        # What is no address is not taken for one.
        ("127.0.0.1", ("unknown",), "127.0.0.1"),
        ("127.0.0.1", ("1.1.1.1, <script>",), "127.0.0.1"),
        ("127.0.0.1", ("<script>, 10.1.2.3",), "10.1.2.3"),
        ("127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", ("",), "127.0.0.1"),
        # The same address as a machine with IPv6 writes it.
        ("::ffff:127.0.0.1", ("2001:db8::1",), "2001:db8::1"),
        ("::1", ("2001:db8::1",), "::1"),
    ],
)
def test_the_sender_is_the_nearest_that_is_no_proxy_of_ours(
    peer: str, forwarded: tuple[str, ...], found: str
) -> None:
    assert sender(peer, *forwarded) == found


def test_without_trusted_proxies_no_header_counts() -> None:
    assert sender("127.0.0.1", "198.51.100.1", proxies=()) == "127.0.0.1"


def guesses(web: Web, address: str, number: int) -> list[int]:
    headers = {"x-forwarded-for": address}
    path = "/api/run_flow/data_flow"
    return [
        web.ask("POST", path, token=f"guess-{one}", headers=headers).status_code
        for one in range(number)
    ]


def test_behind_a_trusted_proxy_who_guesses_makes_nobody_else_wait(web: Web) -> None:
    trusted = SETTINGS.replace("flow_api: {", "flow_api: {trusted_proxies: [127.0.0.1], ")
    (web.workspace.configs / "engine.yaml").write_text(trusted)

    assert guesses(web, "192.0.2.1", 11)[-1] == 429
    assert guesses(web, "192.0.2.2", 1) == [401]
    assert {entry["client"] for entry in web.audit()} == {"192.0.2.1", "192.0.2.2"}
    # A name that the header gives, reading included, opens nothing.
    neighbour = {"x-forwarded-for": "127.0.0.1"}
    assert web.ask("GET", "/api/flow-monitoring-data", headers=neighbour).status_code == 401


def test_a_proxy_that_is_not_named_counts_as_the_sender_of_all(web: Web, owner: str) -> None:
    assert guesses(web, "192.0.2.1", 11)[-1] == 429
    assert guesses(web, "192.0.2.2", 1) == [429]
    assert {entry["client"] for entry in web.audit()} == {"127.0.0.1"}
    # Who brings a right token never waits.
    headers = {"x-forwarded-for": "192.0.2.2"}
    answer = web.ask("POST", "/api/run_flow/data_flow", token=owner, headers=headers)
    assert answer.status_code == 200
