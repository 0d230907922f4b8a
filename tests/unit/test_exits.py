from __future__ import annotations

import pytest

from engine.config.problems import ConfigProblemsError, Problem
from engine.errors import ConfigError, DataError, EngineError, ServerError, StorageError
from engine.exits import ALREADY_RUNS, ERROR_PREFIX, error_of, exit_status_of

ERRORS = [
    ConfigError("unknown key", where="engine.yaml:3", fix="See the reference"),
    StorageError("the disk is full", where="/srv/재고"),
    ServerError("no port is free"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.kind)
def test_who_started_an_engine_learns_why_it_ended(error: EngineError) -> None:
    told = error_of(exit_status_of(error), f"{ERROR_PREFIX}{error}\n")

    assert type(told) is type(error)
    assert str(told) == str(error)


def test_the_status_is_that_of_the_family() -> None:
    assert exit_status_of(ConfigProblemsError([Problem("unknown key")])) == exit_status_of(
        ERRORS[0]
    )
    assert exit_status_of(DataError("row 7")) == exit_status_of(ServerError("no port"))


def test_every_status_is_an_error_and_none_says_that_another_engine_runs() -> None:
    statuses = [exit_status_of(error) for error in ERRORS]

    assert len(set(statuses)) == len(statuses)
    assert all(0 < status < 126 and status != ALREADY_RUNS for status in statuses)


@pytest.mark.parametrize("status", [1, 2, -9, ALREADY_RUNS])
def test_an_error_with_a_status_that_says_nothing_is_the_servers(status: int) -> None:
    told = error_of(status, f"{ERROR_PREFIX}something happened\n")

    assert type(told) is ServerError
    assert told.what == "something happened"


@pytest.mark.parametrize(
    "output",
    ["", "  nothing", "Traceback (most recent call last):\nMemoryError\n", "error", "no errors: 3"],
)
def test_an_output_without_a_message_tells_of_no_error(output: str) -> None:
    assert error_of(1, output) is None


def test_what_was_printed_before_the_message_is_not_part_of_it() -> None:
    output = f"a warning\n  another: one\n{ERROR_PREFIX}the disk is full\n"

    told = error_of(74, output)

    assert told is not None
    assert told.what == "the disk is full"


def test_an_indented_message_is_found_too() -> None:
    told = error_of(74, f"  a warning\n  {ERROR_PREFIX}the disk is full")

    assert told is not None
    assert told.what == "the disk is full"


@pytest.mark.parametrize(
    "message",
    [
        "engine.yaml: cannot be read: parse error: line 3",
        "engine.db cannot be used: disk I/O error: 재고",
        "Error: error: twice",
    ],
)
def test_a_message_that_speaks_of_an_error_itself_is_whole(message: str) -> None:
    told = error_of(70, f"a warning\n{ERROR_PREFIX}{message}\n")

    assert told is not None
    assert told.what == message


def test_of_several_messages_the_last_one_counts() -> None:
    told = error_of(70, f"{ERROR_PREFIX}of an earlier start\n{ERROR_PREFIX}of this one\n")

    assert told is not None
    assert told.what == "of this one"


def test_a_message_of_several_lines_is_whole() -> None:
    error = ConfigProblemsError([Problem("unknown key", key="a"), Problem("unknown key", key="b")])

    told = error_of(exit_status_of(error), f"{ERROR_PREFIX}{error}\n")

    assert "\n" in str(error)
    assert str(told) == str(error)
