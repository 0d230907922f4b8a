"""A model that knows covariates, from the panel through its bundle to the server."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models.arrays import Windows
from models.forecasting.bundle import GOLDEN_FILE, open_bundle
from tests.unit.covariate_model import (
    HORIZON,
    PRICE,
    PROMO,
    WINDOW,
    Promo,
    fitted,
    make_covariate_bundle,
    promo_panel,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_covariate_bundle(tmp_path_factory.mktemp("promo") / "bundle")


def test_the_golden_example_holds_what_is_known_and_null_for_the_rest(bundle: Path) -> None:
    golden = json.loads((bundle / GOLDEN_FILE).read_text())

    covariates = golden["covariates"]
    assert [len(row) for row in covariates] == [WINDOW + HORIZON] * 2
    assert [day[1] is None for day in covariates[0]] == [False] * 3 + [True] * 18
    assert not any(number is None for day in covariates[1] for number in day)


def test_the_served_model_answers_as_the_fitted_one_with_and_without_covariates(
    bundle: Path,
) -> None:
    panel = promo_panel()
    model, served = fitted(panel), open_bundle(bundle)
    whole = panel.last_windows(WINDOW)
    assert whole.covariates is not None
    past_only = Windows(whole.values, whole.weekday, whole.covariates[:, :WINDOW])
    nothing = Windows(whole.values, whole.weekday)

    assert served.signature.covariates == ("promo", "price")
    for windows in (whole, past_only, nothing):
        for steps in (3, 7, 20):
            np.testing.assert_allclose(
                served.forecast(windows, steps), model.predict(windows, steps), rtol=1e-9
            )
    differs = served.forecast(whole) - served.forecast(past_only)
    expected = PROMO * whole.covariates[:, WINDOW:, 0] + PRICE * whole.covariates[:, WINDOW:, 1]
    np.testing.assert_allclose(differs, expected, atol=1.5)


def test_covariates_of_another_order_are_put_into_the_models_own(bundle: Path) -> None:
    panel = promo_panel()
    other = panel.with_covariates(("weather", "price", "promo"))

    own = other.with_covariates(open_bundle(bundle).signature.covariates)

    assert own.covariates is not None and panel.covariates is not None
    np.testing.assert_array_equal(own.covariates, panel.covariates)
    assert np.isnan(other.covariates[:, :, 0]).all()  # type: ignore[index]


def test_a_saved_model_remembers_its_covariates(tmp_path: Path) -> None:
    panel = promo_panel()
    model = fitted(panel)
    model.save(tmp_path / "model")

    loaded = Promo.load(tmp_path / "model")

    assert loaded.covariates == ("promo", "price")
    windows = panel.last_windows(WINDOW)
    np.testing.assert_array_equal(loaded.predict(windows, 9), model.predict(windows, 9))
