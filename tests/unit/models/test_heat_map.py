from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.errors import ModelProblem
from models.imaging.heat import heat_map


def test_a_map_of_the_same_size_is_only_cut_and_stretched() -> None:
    heat = heat_map(np.array([[-3.0, 1.0], [0.0, 2.0]], dtype=np.float32), 2, 2)
    assert_array_equal(heat, [[0, 0.5], [0, 1]])
    assert heat.dtype == np.float64


def test_a_map_is_enlarged_linearly_between_the_centres_of_its_cells() -> None:
    heat = heat_map(np.array([[0.0, 4.0]]), 1, 8)
    # Centres of the cells are at 1/4 and 3/4 of the width; beyond them nothing is known.
    assert_allclose(heat, [[0, 0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1, 1]])


def test_rows_and_columns_are_enlarged_alike() -> None:
    evidence = np.random.default_rng(0).normal(size=(7, 5))
    assert_allclose(heat_map(evidence.T, 96, 33), heat_map(evidence, 33, 96).T, atol=1e-12)


def test_an_enlarged_map_is_what_torch_makes_of_it() -> None:
    import torch

    evidence = np.random.default_rng(1).uniform(0, 5, (7, 5))
    enlarged = torch.nn.functional.interpolate(
        torch.from_numpy(evidence)[None, None], (40, 33), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    expected = (enlarged - enlarged.min()) / np.ptp(enlarged)
    assert_allclose(heat_map(evidence, 40, 33), expected, atol=1e-12)


@pytest.mark.parametrize("size", [(224, 224), (8, 8), (3, 500), (1024, 1), (1, 1)])
def test_heat_is_from_0_to_1(size: tuple[int, int]) -> None:
    heat = heat_map(np.random.default_rng(2).normal(size=(7, 7)), *size)
    assert heat.shape == size
    assert heat.min() == 0
    assert heat.max() == (1 if heat.size > 1 else 0)


@pytest.mark.parametrize("value", [0.0, 0.1, -1.0, 1e30])
def test_a_map_that_is_the_same_everywhere_has_no_heat(value: float) -> None:
    heat = heat_map(np.full((7, 7), value, dtype=np.float32), 33, 50)
    assert_array_equal(heat, np.zeros((33, 50)))


def test_numbers_as_large_as_there_are_do_not_run_over() -> None:
    largest = np.finfo(np.float32).max
    heat = heat_map(np.array([[-largest, largest]], dtype=np.float32), 4, 4)
    assert (heat.min(), heat.max()) == (0, 1)


@pytest.mark.parametrize(
    "evidence", [np.array([[np.nan, 1]]), np.array([[np.inf, 1]]), np.ones(3), np.ones((0, 3))]
)
def test_what_is_no_map_is_refused(evidence: np.ndarray) -> None:
    with pytest.raises(ModelProblem, match="map of evidence"):
        heat_map(evidence, 10, 10)
