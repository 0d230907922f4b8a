from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.errors import ConfigError, EngineError, ServerError
from engine.notify.webhook import post
from tests.unit.prefect_server.http_server import HANG_UP, AnsweringServer, answering

LOCAL = ("127.0.0.1",)


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as listening:
        yield listening


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let the name chat.example resolve to these addresses; return where it is asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def found(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        if host != "chat.example":
            return real(host, port, *args, **options)
        asked.append(host)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return asked


def test_a_run_is_posted_as_json(server: AnsweringServer) -> None:
    post(f"http://127.0.0.1:{server.port}/hook?a=b", {"text": "재고"}, allowed_hosts=LOCAL)

    (request,) = server.heard
    assert (request.method, request.path) == ("POST", "/hook?a=b")
    assert request.body == {"text": "재고"}
    assert request.headers["content-type"] == "application/json"


def test_the_server_is_asked_by_the_name_that_the_address_has(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to the address that was checked; virtual hosts go by the name."""
    resolve_to(monkeypatch, "127.0.0.1")

    post(f"http://chat.example:{server.port}/", {}, allowed_hosts=["chat.example"])

    assert server.heard[0].headers["host"] == f"chat.example:{server.port}"


def test_a_name_is_resolved_once_so_that_it_cannot_mean_another_address_afterwards(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.1")

    post(f"http://chat.example:{server.port}/", {}, allowed_hosts=["chat.example"])

    assert len(asked) == 1


def test_user_and_password_of_the_address_are_sent(server: AnsweringServer) -> None:
    post(f"http://me:pw@127.0.0.1:{server.port}/", {}, allowed_hosts=LOCAL)

    assert server.heard[0].headers["authorization"] == "Basic bWU6cHc="
    assert server.heard[0].headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[0:0:0:0:0:ffff:169.254.169.254]",
        "169.254.169.254",
        "2852039166",
        "[fe80::1]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
    ],
)
def test_this_machine_and_what_is_local_to_it_is_refused_however_it_is_spelt(
    server: AnsweringServer, host: str
) -> None:
    with pytest.raises(EngineError) as refused:
        post(f"http://{host}:{server.port}/", {})

    # A spelling that is no URL, or that this system's resolver does not take, reaches nobody
    # either.
    assert re.search("local to it|is not a URL|cannot be found", refused.value.what)
    assert server.heard == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "169.254.169.254"]
)
def test_the_usual_spellings_are_refused_as_a_setting_that_is_wrong(host: str) -> None:
    with pytest.raises(ConfigError, match="which is this machine or local to it") as refused:
        post(f"http://{host}/", {})

    assert refused.value.fix == "If that is meant, name it in notifications.allowed_hosts"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%eth0"],
        ["169.254.169.254"],
        # One of several is enough: which one is taken would be a matter of luck.
        ["192.0.2.1", "127.0.0.1"],
    ],
)
def test_a_harmless_name_of_a_local_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    resolve_to(monkeypatch, *addresses)

    with pytest.raises(ConfigError, match="local to it"):
        post("https://chat.example/hook", {})


@pytest.mark.parametrize("address", ["10.0.0.5", "192.168.1.20", "172.16.3.4", "fd12:3456::1"])
def test_private_networks_are_where_the_chat_server_of_a_factory_is(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """That they are allowed is seen by the attempt to reach them."""
    resolve_to(monkeypatch, address)
    asked: list[str] = []

    def reach(self: object, method: str, url: Any, **_: Any) -> None:
        asked.append(url.host)
        raise httpx.ConnectError("nobody is there")

    monkeypatch.setattr(httpx.Client, "stream", reach)
    with pytest.raises(ServerError, match=r"chat\.example cannot be reached: nobody is there"):
        post("http://chat.example/hook", {})

    assert asked == [address]


def test_a_local_host_that_is_named_in_the_settings_is_allowed_and_no_other(
    server: AnsweringServer,
) -> None:
    post(f"http://127.0.0.1:{server.port}/", {}, allowed_hosts=["127.0.0.1"])
    with pytest.raises(ConfigError):
        post(f"http://127.0.0.2:{server.port}/", {}, allowed_hosts=["127.0.0.1"])
    with pytest.raises(ConfigError):
        post(f"http://localhost:{server.port}/", {}, allowed_hosts=["127.0.0.1"])

    assert len(server.heard) == 1


def test_of_several_addresses_one_that_answers_is_enough(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with an IPv6 address that leads nowhere is common."""
    resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")

    post(f"http://chat.example:{server.port}/", {}, allowed_hosts=["chat.example"])

    assert len(server.heard) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(server: AnsweringServer, status: int) -> None:
    with answering() as other:
        elsewhere = {"location": f"http://127.0.0.1:{other.port}/"}
        server.answer = lambda _: (status, b"", elsewhere)
        with pytest.raises(ServerError, match=f"answered HTTP {status}"):
            post(f"http://127.0.0.1:{server.port}/", {}, allowed_hosts=LOCAL)

    assert len(server.heard) == 1
    assert other.heard == []


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_answer_that_is_no_success_is_an_error_with_what_was_said(
    server: AnsweringServer, status: int
) -> None:
    server.answer = lambda _: (status, b"no_such_channel")

    with pytest.raises(ServerError, match=rf"127\.0\.0\.1 answered HTTP {status}: no_such_channel"):
        post(f"http://127.0.0.1:{server.port}/secret", {}, allowed_hosts=LOCAL)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_one(server: AnsweringServer, status: int) -> None:
    server.answer = lambda _: (status, b"")

    post(f"http://127.0.0.1:{server.port}/", {}, allowed_hosts=LOCAL)


def test_a_long_answer_is_not_repeated_in_full(server: AnsweringServer) -> None:
    server.answer = lambda _: (500, b"x" * 100_000)

    with pytest.raises(ServerError) as failed:
        post(f"http://127.0.0.1:{server.port}/", {}, allowed_hosts=LOCAL)

    assert len(failed.value.what) < 300


def test_an_answer_that_cannot_be_unpacked_is_an_error_like_any_other(
    server: AnsweringServer,
) -> None:
    server.answer = lambda _: (500, b"no gzip at all", {"content-encoding": "gzip"})

    with pytest.raises(ServerError, match=r"127\.0\.0\.1"):
        post(f"http://127.0.0.1:{server.port}/", {}, allowed_hosts=LOCAL)


def test_a_server_that_hangs_up_or_is_not_there_is_an_error_without_the_path(
    server: AnsweringServer,
) -> None:
    server.answer = lambda _: HANG_UP
    url = f"http://127.0.0.1:{server.port}/secret"
    with pytest.raises(ServerError, match=r"127\.0\.0\.1 did not answer") as failed:
        post(url, {}, allowed_hosts=LOCAL)
    assert "secret" not in str(failed.value)

    server.close()
    with pytest.raises(ServerError, match=r"127\.0\.0\.1 cannot be reached: .*refused"):
        post(url, {}, allowed_hosts=LOCAL)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://chat.example/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "chat.example/hook",
        "http://",
        "http:///hook",
        "",
        "http://[::1/",
        "http://chat.example/\n",
    ],
)
def test_what_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="the address of a webhook"):
        post(url, {})


def test_a_host_that_is_not_found_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(ServerError, match=r"chat\.example cannot be found: .*not known"):
        post("http://chat.example/", {})


def test_a_host_that_no_name_service_could_be_asked_for_is_not_found() -> None:
    host = "a" * 64 + ".example"

    with pytest.raises(ServerError, match=f"{host} cannot be found"):
        post(f"http://{host}/", {})


def test_it_goes_past_any_proxy(server: AnsweringServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name anew."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    post(f"http://127.0.0.1:{server.port}/", {}, allowed_hosts=LOCAL)

    assert len(server.heard) == 1
