from __future__ import annotations

import pytest

from engine import errors
from engine.cli.exit_codes import ExitCode, code_of_error, code_of_run
from engine.config.problems import ConfigProblemsError
from engine.errors import EngineError
from engine.states import FINAL_STATES


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigError, 2),
        (errors.DataError, 3),
        (errors.DeployRefusedError, 4),
        (errors.NotFoundError, 5),
        (errors.ServerError, 6),
        (errors.StorageError, 7),
        (errors.ConflictError, 8),
        (errors.ModelError, 1),
        (errors.EngineError, 1),
    ],
)
def test_each_kind_of_error_has_its_code_for_a_command_and_for_a_run(
    kind: type[EngineError], code: int
) -> None:
    assert code_of_error(kind("what happened")) == code
    assert code_of_run("FAILED", kind.__name__) == code


def test_a_finer_kind_of_error_has_the_code_of_its_family() -> None:
    assert code_of_error(ConfigProblemsError([])) == ExitCode.USAGE


def test_every_kind_of_error_survives_the_way_from_the_engine_to_its_code() -> None:
    kinds = [EngineError, *EngineError.__subclasses__()]

    def code_far_away(kind: type[EngineError]) -> ExitCode:
        return code_of_error(errors.error_of_dict(kind("what happened").to_dict()))

    assert len(kinds) > 8
    assert [kind for kind in kinds if code_far_away(kind) != code_of_error(kind("x"))] == []


@pytest.mark.parametrize(
    ("state", "error_kind", "code"),
    [
        ("COMPLETED", "", 0),
        ("FAILED", "", 1),
        ("FAILED", "ValueError", 1),
        ("CRASHED", "", 1),
        ("CANCELLED", "", 130),
        ("CANCELLED", "DataError", 130),
        ("FAILED", "ServerError", 6),
        ("FAILED", "NoSuchError", 1),
    ],
)
def test_a_run_has_the_code_of_its_end(state: str, error_kind: str, code: int) -> None:
    assert code_of_run(state, error_kind) == code


def test_only_a_completed_run_is_a_success() -> None:
    codes = {state: code_of_run(state, "") for state in FINAL_STATES}

    assert [state for state, code in codes.items() if code == ExitCode.OK] == ["COMPLETED"]
