from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.tables.handoffs import Handoffs


@pytest.fixture
def handoffs(tmp_path: Path) -> Handoffs:
    return Handoffs(tmp_path / "engine.db")


def test_what_one_flow_leaves_the_next_takes_up(handoffs: Handoffs) -> None:
    before = time.time()
    handoffs.leave("dataset", "0123", "a1")

    taken = handoffs.take("dataset")

    assert taken is not None
    assert (taken.kind, taken.value, taken.run_id) == ("dataset", "0123", "a1")
    assert before <= taken.at <= time.time()


def test_taking_it_up_leaves_it_there(handoffs: Handoffs) -> None:
    handoffs.leave("dataset", "0123", "a1")

    assert handoffs.take("dataset") == handoffs.take("dataset")


def test_of_each_kind_the_newest_counts(handoffs: Handoffs) -> None:
    handoffs.leave("dataset", "0123", "a1")
    handoffs.leave("candidate", "a2", "a2")
    handoffs.leave("dataset", "4567", "a3")

    kinds = ("dataset", "candidate")
    assert [taken.value for kind in kinds if (taken := handoffs.take(kind))] == ["4567", "a2"]


@pytest.mark.parametrize("kind", ["candidate", "", "data%", "\0", "데이터"])
def test_what_nobody_left_cannot_be_taken_up(handoffs: Handoffs, kind: str) -> None:
    handoffs.leave("dataset", "0123", "a1")

    assert handoffs.take(kind) is None


def test_the_runs_that_left_the_newest_of_each_kind_are_known(handoffs: Handoffs) -> None:
    assert handoffs.run_ids() == {}

    handoffs.leave("dataset", "0123", "a1")
    handoffs.leave("candidate", "a2", "a2")
    handoffs.leave("dataset", "4567", "a3")

    assert handoffs.run_ids() == {"a2": "candidate", "a3": "dataset"}


def test_a_run_that_left_several_kinds_is_known_once(handoffs: Handoffs) -> None:
    handoffs.leave("dataset", "0123", "a1")
    handoffs.leave("candidate", "a1", "a1")

    assert list(handoffs.run_ids()) == ["a1"]


def test_it_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    Handoffs(tmp_path / "engine.db").leave("dataset", "0123", "a1")

    taken = Handoffs(tmp_path / "engine.db").take("dataset")

    assert taken is not None
    assert taken.value == "0123"
