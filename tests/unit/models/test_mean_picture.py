from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models import registry
from models.errors import ModelProblem
from models.imaging.bundle import open_bundle, write_bundle
from models.imaging.heat import heat_map
from models.imaging.pictures import Pictures
from models.imaging.temperature import softmax
from models.learner import FitReport, no_progress
from tests.unit.models.picture_sets import fitted, mean_picture, pictures


def fit(training: Pictures, validation: Pictures | None = None) -> tuple[object, FitReport]:
    model = mean_picture(training)
    validation = training.take(slice(0, 0)) if validation is None else validation
    return model, model.fit(training, validation, progress=no_progress)


@pytest.mark.parametrize("size", [(8, 8, 1), (9, 11, 3), (17, 8, 3), (30, 41, 1)])
def test_the_class_whose_mean_is_nearest_is_told(size: tuple[int, int, int]) -> None:
    training, asked = pictures(60, size=size), pictures(24, seed=1, size=size)
    model, _ = fit(training)
    flat = training.pixels.reshape(60, -1) / 255
    means = np.array([flat[training.labels == label].mean(axis=0) for label in range(3)])
    differences = asked.pixels.reshape(24, 1, -1) / 255 - means
    distances = (differences**2).sum(axis=2)
    logits = model.answer(asked.pixels)
    assert_array_equal(logits.argmax(axis=1), distances.argmin(axis=1))
    # But for a number a picture, logits are distances times the sharpness.
    ratio = (logits - logits[:, :1])[:, 1:] / (distances[:, :1] - distances)[:, 1:]
    assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
    assert (logits.argmax(axis=1) == asked.labels).all()


@pytest.mark.parametrize("size", [(8, 8, 1), (9, 11, 3), (30, 41, 1)])
def test_the_evidence_of_all_cells_makes_the_probabilities(
    size: tuple[int, int, int], tmp_path: Path
) -> None:
    model = fitted(pictures(60, size=size))
    asked = pictures(24, seed=4, size=size).pixels
    write_bundle(model, tmp_path / "bundle", asked)
    answer = open_bundle(tmp_path / "bundle").classify(asked)
    assert answer.evidence.shape == (24, 3, 8, 8)
    assert_allclose(softmax(answer.evidence.sum(axis=(2, 3))), answer.probabilities, atol=1e-4)
    assert_allclose(answer.probabilities, model.predict(asked), atol=1e-6)
    assert_allclose(answer.evidence.sum(axis=1), 0, atol=1e-4)


def test_the_evidence_lies_where_classes_differ(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 100, (80, 24, 16, 1), dtype=np.uint8)
    labels = np.arange(80) % 2
    pixels[labels == 1, 15:, :6] += 100
    model, _ = fit(Pictures(pixels, labels, ("plain", "spot")))
    write_bundle(model, tmp_path / "bundle", pixels)
    evidence = open_bundle(tmp_path / "bundle").classify(pixels[:10]).evidence
    for picture, label in enumerate(labels[:10]):
        heat = heat_map(evidence[picture, label], 24, 16)
        assert heat[16:, :5].mean() > 0.5
        assert heat[:13].mean() < 0.05
        assert heat[:, 8:].mean() < 0.05


def test_it_is_more_certain_where_classes_are_further_apart() -> None:
    near, far = pictures(60), pictures(60)
    near.pixels[:] = near.pixels // 2 + np.random.default_rng(0).integers(
        0, 127, near.pixels.shape, dtype=np.uint8
    )
    for training in (near, far):
        model, report = fit(training)
        # Neither a guess (log 3 = 1.1) nor sure where it is wrong.
        assert report.curve[0]["loss"] < 0.1
        assert np.isfinite(model.predict(training.pixels)).all()


def test_validation_pictures_only_measure() -> None:
    training = pictures(60)
    model, report = fit(training, pictures(9, seed=1))
    alone, without = fit(training)
    assert_array_equal(model.predict(training.pixels), alone.predict(training.pixels))
    assert (report.samples, report.validation_samples) == (60, 9)
    assert (report.rounds, report.best_round, len(report.curve)) == (1, 1, 1)
    assert report.best_loss == report.curve[0]["validation_loss"]
    assert (without.best_loss, without.validation_samples) == (None, 0)
    assert set(without.curve[0]) == {"round", "loss"}


def test_a_second_fit_learns_from_the_validation_pictures_and_keeps_the_temperature() -> None:
    training, validation = pictures(60), pictures(30, seed=1)
    model, report = fit(training, validation)
    temperature = model.calibrate(validation)
    again = model.refit(training, validation, report, progress=no_progress)
    assert (again.samples, again.best_loss) == (90, None)
    assert model.temperature == temperature
    other, _ = fit(training.followed_by(validation))
    assert_array_equal(model.answer(validation.pixels), other.answer(validation.pixels))


def test_a_saved_model_answers_as_before(tmp_path: Path) -> None:
    model, asked = fitted(), pictures(9, seed=5).pixels
    model.save(tmp_path / "model")
    loaded = registry.load_classifier(tmp_path / "model")
    assert (type(loaded), loaded.temperature) == (type(model), model.temperature)
    assert_array_equal(loaded.predict(asked), model.predict(asked))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": np.zeros((3, 5), dtype=np.float32)}, "another model"),
        ({"means": np.zeros((3, 297))}, "another model"),
        ({"means": np.full((3, 297), np.nan, dtype=np.float32)}, "not finite"),
        ({"sharpness": np.nan}, "not finite"),
        ({"sharpness": np.ones(2)}, "another model"),
        ({"means": np.array([object()])}, "cannot be read"),
    ],
    ids=["shape", "type", "NaN", "sharpness", "two of them", "pickle"],
)
def test_a_state_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    model = fitted()
    model.save_state(tmp_path)
    with np.load(tmp_path / "means.npz") as saved:
        arrays = dict(saved)
    np.savez(tmp_path / "means.npz", **{**arrays, **change})
    with pytest.raises(ModelProblem, match=message):
        mean_picture(pictures(3)).load_state(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_a_state_that_is_no_file_of_arrays_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "means.npz").write_bytes(content)
    with pytest.raises(ModelProblem, match="cannot be read"):
        mean_picture(pictures(3)).load_state(tmp_path)


def test_a_class_without_pictures_is_named() -> None:
    training = pictures(60)
    with pytest.raises(ModelProblem, match="'below' has no picture to learn from"):
        fit(training.take(training.labels != 1))


def test_pictures_of_another_size_or_class_are_refused() -> None:
    model = mean_picture(pictures(3))
    for other in (pictures(9, size=(8, 11, 3)), Pictures(pictures(2).pixels, [0, 1], ("a", "b"))):
        with pytest.raises(ModelProblem):
            model.fit(other, other, progress=no_progress)


def test_more_than_can_be_kept_is_refused_before_it_is_tried() -> None:
    classes = tuple(f"c{number}" for number in range(100))
    few = Pictures(np.zeros((1, 1024, 1024, 3), dtype=np.uint8), [0], classes)
    with pytest.raises(ModelProblem, match="100 classes of 1024 x 1024 pixels are too many"):
        fit(few)


def test_a_model_that_was_not_fitted_says_so(tmp_path: Path) -> None:
    model = mean_picture(pictures(3))
    for ask in (lambda: model.save(tmp_path), lambda: model.predict(pictures(3).pixels)):
        with pytest.raises(ModelProblem, match="has not been fitted"):
            ask()


@pytest.mark.parametrize("brightness", [0, 255])
def test_pictures_that_are_all_the_same_can_be_learnt_from(brightness: int, tmp_path: Path) -> None:
    same = pictures(6)
    same.pixels[:] = brightness
    model, _ = fit(same)
    model.calibrate(same)
    assert_allclose(model.predict(same.pixels), 1 / 3)
    write_bundle(model, tmp_path / "bundle", same.pixels)
    assert not heat_map(
        open_bundle(tmp_path / "bundle").classify(same.pixels).evidence[0, 0], 9, 11
    ).any()
