from __future__ import annotations

import json

import numpy as np
import pytest

from engine.data.images import reference
from engine.data.images.reference import (
    Reference,
    feature_names,
    features_of,
    reference_of,
)
from models.drift.distribution import Distribution
from models.errors import ModelProblem
from models.imaging.pictures import Pictures, PixelArray


def noise(count: int, seed: int = 0, channels: int = 3, scale: float = 1.0) -> PixelArray:
    """Pictures whose brightness differs."""
    random = np.random.default_rng(seed)
    level = random.uniform(40, 200, (count, 1, 1, 1))
    values = level + scale * random.normal(0, 20, (count, 8, 10, channels))
    return np.clip(values, 0, 255).astype(np.uint8)


def pictures(pixels: PixelArray) -> Pictures:
    labels = np.arange(len(pixels)) % 4 // 3
    return Pictures(pixels, labels, ("a", "b"))


def test_features_are_what_they_say() -> None:
    stripes = np.zeros((1, 4, 6, 1), np.uint8)
    stripes[:, :, ::2] = 200
    brightness, contrast, sharpness = features_of(stripes)[0]
    assert (brightness, contrast) == (100, 100)
    # 20 steps of 200 across, 18 of none down.
    assert sharpness == pytest.approx(200 * 20 / 38)
    red = np.zeros((2, 3, 3, 3), np.uint8)
    red[1, :, :, 0] = 255
    named = dict(zip(feature_names(3), features_of(red)[1], strict=True))
    assert named["brightness"] == pytest.approx(0.299 * 255, abs=1e-3)
    assert (named["red"], named["green"], named["contrast"]) == (255, 0, pytest.approx(0, abs=1e-3))


def test_features_do_not_depend_on_what_is_reckoned_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels = noise(50)
    whole = features_of(pixels), reference_of(pictures(pixels)).to_dict()
    monkeypatch.setattr(reference, "_BLOCK_VALUES", 700)
    np.testing.assert_allclose(features_of(pixels), whole[0], rtol=1e-6)
    assert reference_of(pictures(pixels)).brightness.tolist() == whole[1]["brightness"]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_reference_is_that_of_the_pictures(channels: int) -> None:
    pixels = noise(60, channels=channels)
    made = reference_of(pictures(pixels))
    values = pixels.reshape(-1, channels).astype(float)
    np.testing.assert_allclose(made.channel_means, values.mean(axis=0))
    np.testing.assert_allclose(made.channel_stds, values.std(axis=0), rtol=1e-6)
    assert made.brightness.sum() == pytest.approx(1)
    assert made.classes == {"a": 0.75, "b": 0.25}
    assert list(made.features) == list(feature_names(channels))


def test_it_is_json_and_back() -> None:
    made = reference_of(pictures(noise(40)))
    text = json.dumps(made.to_dict(), allow_nan=False)
    back = Reference.from_dict(json.loads(text))
    assert back.to_dict() == made.to_dict()
    later = noise(30, seed=4)
    assert back.drift(later) == made.drift(later)


def test_the_same_kind_of_pictures_does_not_drift_and_another_does() -> None:
    made = reference_of(pictures(noise(800)))
    alike = made.drift(noise(800, seed=1))
    assert all(one.psi < 0.1 and one.ks < 0.1 for one in alike.values())
    dark = made.drift(noise(800, seed=1) // 4)
    assert dark["brightness"].psi > 1 and dark["brightness"].ks > 0.6
    flat = made.drift(noise(800, seed=1, scale=0.3))
    assert flat["sharpness"].psi > 1 and flat["brightness"].psi < 0.1


def test_ks_is_the_largest_gap_between_both() -> None:
    random = np.random.default_rng(3)
    for shift in (0.0, 0.3, 1.0, 9.0):
        known, later = random.normal(size=500), random.normal(size=300) + shift
        both = np.sort(np.concatenate([known, later]))
        cumulated = [
            np.searchsorted(np.sort(values), both, side="right") / len(values)
            for values in (known, later)
        ]
        exact = np.abs(cumulated[0] - cumulated[1]).max()
        assert Distribution.of(known).ks(later) == pytest.approx(exact, abs=0.015)


def test_a_feature_that_never_changes_is_compared_too() -> None:
    constant = Distribution.of(np.full(20, 3.0))
    assert constant.psi(np.full(5, 3.0)) == 0 and constant.ks(np.full(5, 3.0)) == 0
    for other in (2.0, 4.0):
        assert constant.ks(np.full(5, other)) == 1
    assert constant.psi(np.full(5, 2.0)) > 1


def test_only_pictures_of_the_same_shape_are_compared() -> None:
    made = reference_of(pictures(noise(10)))
    with pytest.raises(ModelProblem):
        made.drift(noise(10, channels=1))
    with pytest.raises(ModelProblem):
        made.drift(noise(10)[:0])
