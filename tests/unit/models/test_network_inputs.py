"""What a network sees of a window beside its days: how much it moves."""

from __future__ import annotations

import pytest
import torch

from models.forecasting.network_inputs import InputBuilder

WINDOW, HORIZON = 14, 7
SATURDAY = torch.tensor([5])


def moving(spread: float) -> torch.Tensor:
    """A window that is as often `spread` above 100 as below it: float64 (1, WINDOW)."""
    return 100 + spread * torch.tensor([1.0, -1.0] * (WINDOW // 2), dtype=torch.float64)[None]


@pytest.fixture
def learnt() -> InputBuilder:
    """Half of what was learnt from moves by 1, half by 100; one stood still."""
    inputs = InputBuilder(WINDOW, HORIZON, 0)
    inputs.learn_sizes(torch.cat([moving(1.0), moving(100.0), moving(0.0)]))
    return inputs


def size(inputs: InputBuilder, spread: float) -> float:
    seen, _ = inputs(moving(spread), SATURDAY)
    return float(seen.summary[0, -1])


def test_movement_is_seen_beside_that_of_what_was_learnt_from(learnt: InputBuilder) -> None:
    assert size(learnt, 10.0) == pytest.approx(0.0, abs=1e-6)
    assert size(learnt, 1.0) == pytest.approx(-1.0)
    assert size(learnt, 100.0) == pytest.approx(1.0)
    assert size(learnt, 0.0) == 0.0


def test_a_size_never_seen_does_not_lead_astray(learnt: InputBuilder) -> None:
    assert size(learnt, 1e30) == 3.0
    assert size(learnt, 1e-9) == -3.0
    same = InputBuilder(WINDOW, HORIZON, 0)
    same.learn_sizes(moving(5.0))
    assert size(same, 5.0) == 0.0
    assert size(same, 500.0) == 3.0


def test_the_last_days_and_the_days_to_come_do_not_depend_on_the_size(learnt: InputBuilder) -> None:
    small, _ = learnt(moving(1.0), SATURDAY)
    large, _ = learnt(moving(100.0), SATURDAY)
    assert learnt.summary_features == small.summary.shape[1]
    torch.testing.assert_close(small.summary[:, :-1], large.summary[:, :-1])
    torch.testing.assert_close(small.days, large.days)
    torch.testing.assert_close(small.targets, large.targets)
