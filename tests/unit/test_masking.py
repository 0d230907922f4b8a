from __future__ import annotations

from pathlib import Path

import pytest

from engine.masking import MASK, Masker
from engine.tokens import Tokens
from engine.workspace import Workspace


def test_a_known_secret_is_blanked_out_wherever_it_stands() -> None:
    masker = Masker(["hunter2!"])

    assert masker.mask("hunter2!") == MASK
    assert masker.mask("a=hunter2!, b: <hunter2!hunter2!>") == f"a={MASK}, b: <{MASK}{MASK}>"


@pytest.mark.parametrize(
    "secrets", [["secret", "secret-of-secrets"], ["secret-of-secrets", "secret"]]
)
def test_of_secrets_that_begin_alike_nothing_is_left(secrets: list[str]) -> None:
    masked = Masker(secrets).mask("<secret-of-secrets> <secret>")

    assert masked == f"<{MASK}> <{MASK}>"


@pytest.mark.parametrize(
    "secret", ["a.c+e", r"\d\d\d\d\d", "[abcde", "(((((", "$1$2$3", "암호암호암"]
)
def test_a_secret_is_no_pattern(secret: str) -> None:
    masker = Masker([secret])

    assert masker.mask(f"<{secret}>") == f"<{MASK}>"
    assert masker.mask("abcde 12345") == "abcde 12345"


@pytest.mark.parametrize("secret", ["", "a", "1234"])
def test_what_is_too_short_to_be_a_secret_does_not_blank_out_the_log(secret: str) -> None:
    assert Masker([secret]).mask("a day of 1234 units") == "a day of 1234 units"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "postgresql+psycopg://reader:pw@db/warehouse",
            "postgresql+psycopg://reader:***@db/warehouse",
        ),
        ("HTTPS://a:pw@host and ftp://b:pw@host", "HTTPS://a:***@host and ftp://b:***@host"),
        ("redis://:pw@host:6379", "redis://:***@host:6379"),
        ("mailto://a:p@ss@host", "mailto://a:***@host"),
        ("('amqp://a:pw@host',)", "('amqp://a:***@host',)"),
    ],
)
def test_a_password_in_a_url_is_blanked_out(text: str, masked: str) -> None:
    assert Masker().mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:4200/api",
        "https://example.com/a:b@c",
        "https://example.com/?at=a:b@c",
        "ssh://reader@host:22",
        "file:///srv/재고.csv",
        "://",
    ],
)
def test_a_url_without_a_password_stays_as_it_is(text: str) -> None:
    assert Masker().mask(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("password=pw", "password=***"),
        ("PASSWORD=pw", "PASSWORD=***"),
        ("DB_PASSWORD: pw", "DB_PASSWORD: ***"),
        ("my.db-passwd = pw;user=a", "my.db-passwd = ***;user=a"),
        ("pwd='pw'", "pwd='***'"),
        ('{"client_secret": "pw", "user": "a"}', '{"client_secret": "***", "user": "a"}'),
        ("?token=pw&page=2", "?token=***&page=2"),
        ("api_key=pw, apikey=pw", "api_key=***, apikey=***"),
        ("PREFECT_API_AUTH_STRING=admin:pw", "PREFECT_API_AUTH_STRING=***"),
        ("Authorization: Basic YWRtaW46cHc=", "Authorization: Basic ***"),
        ("{'authorization': 'Bearer pw'}", "{'authorization': 'Bearer ***'}"),
        ("password=a password=b", "password=*** password=***"),
    ],
)
def test_what_is_called_a_secret_is_blanked_out(text: str, masked: str) -> None:
    assert Masker().mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a password is needed",
        "tokens: 5, secretary: Ann",
        "token",
        "password=",
        "epoch 3 of 20: loss=0.25, mase: 0.9",
        "2026-01-31 14:05:09.123 +0900 INFO    train_model: 재고",
    ],
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert Masker(["hunter2!"]).mask(text) == text


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_secret_in_quotes_is_blanked_out_up_to_the_closing_one(quote: str) -> None:
    text = f"password={quote}two words, and more{quote} user=a"

    assert Masker().mask(text) == f"password={quote}{MASK}{quote} user=a"


def test_masking_again_changes_nothing() -> None:
    masker = Masker(["hunter2!"])
    once = masker.mask("hunter2! postgres://a:pw@b password=pw Authorization: Basic pw")

    assert masker.mask(once) == once


def test_53_a_token_is_blanked_out_wherever_it_stands(tmp_path: Path) -> None:
    token = Tokens(Workspace(tmp_path).create()).create("line-3", "viewer")

    assert Masker().mask(f"called with {token}, twice: {token}") == "called with ***, twice: ***"
    assert Masker().mask("the folder mlops-tui-1000 stays") == "the folder mlops-tui-1000 stays"
