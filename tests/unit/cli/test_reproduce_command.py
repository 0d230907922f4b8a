from __future__ import annotations

import json
from typing import Any

from engine.cli.reproduce import _overrides
from models.data_types import IMAGE, TIMESERIES


def told(**fit: Any) -> dict[str, str]:
    model = {"seed": 3, "model_type": "auto", "window": 30, "horizon": 7}
    model |= {"hyperparameters": {"trials": 40, "time_budget": 100, "members": 4, "workers": 0}}
    settings = {"train": {"refit": True, "hparams": {"epochs": 5, "trials": 40}}}
    training = {"dataset": "d", "model": model, "settings": settings, "fit": fit}
    return dict(part.split("=", 1) for part in _overrides(training, TIMESERIES))


def test_a_search_tries_as_many_models_as_it_did_with_what_was_configured_for_them() -> None:
    rows = [{"member": number} for number in (None, 2, 0, 1)]
    values = told(leaderboard=rows)

    hparams = {
        key.removeprefix("train.hparams."): json.loads(value)
        for key, value in values.items()
        if key.startswith("train.hparams.")
    }
    assert hparams == {
        "epochs": 5,
        "trials": 3,
        "time_budget": 604_800,
        "members": 4,
        "workers": 0,
    }
    assert values["train.refit"] == "true"


def test_a_single_model_takes_its_own_hyperparameters_alone() -> None:
    assert not [key for key in told(leaderboard=[]) if key.endswith("epochs")]


def test_a_classifier_is_trained_again_from_its_data_set_and_weights() -> None:
    model = {"seed": 3, "model_type": "CNN", "height": 8, "width": 8, "channels": 1}
    model |= {"classes": ["a", "b"], "hyperparameters": {"epochs": 3}}
    settings = {"model": {"pretrained": "weights.npz"}, "train": {"refit": True}}
    training = {"dataset": "d", "model": model, "settings": settings}

    values = dict(part.split("=", 1) for part in _overrides(training, IMAGE))

    assert {key: json.loads(value) for key, value in values.items()} == {
        "data_type": "image",
        "train.dataset": "d",
        "train.seed": 3,
        "train.threads": 0,
        "train.hand_over": False,
        "train.refit": True,
        "train.hparams.epochs": 3,
        "model.model_type": "CNN",
        "model.pretrained": "weights.npz",
    }
