"""The contract of a classifier, as checks that run over any registered model.

`PictureSubject` holds one model fitted on small pictures; each check takes it, so that a suite
fits once.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.data.images.reference import feature_names, features_of
from models import registry
from models.bundles.checks import read_reference
from models.drift.picture_reference import PictureReference, picture_reference
from models.errors import ModelProblem
from models.imaging.bundle import open_bundle, write_bundle
from models.imaging.classifier import Classifier
from models.imaging.pictures import Pictures
from models.learner import no_progress
from tests.contract.picture_subject import (
    CLASSES,
    HEIGHT,
    WIDTH,
    PictureSubject,
    is_left,
    pictures,
)


def served(model: Classifier, folder: Path, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and evidence from the exported file."""
    from onnxruntime import InferenceSession

    folder.mkdir(parents=True, exist_ok=True)
    model.export_onnx(folder / "model.onnx")
    session = InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    probabilities, evidence = session.run(["probabilities", "evidence"], {"pixels": pixels})
    return probabilities, evidence


def check_probabilities_have_one_row_a_picture_and_add_up_to_one(subject: PictureSubject) -> None:
    for count in (0, 1, 7, len(subject.pixels)):
        found = subject.fitted.predict(subject.pixels[:count])
        assert found.shape == (count, len(CLASSES))
        assert found.dtype == np.float64
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)


def check_an_easy_problem_is_learnt(subject: PictureSubject) -> None:
    found = subject.fitted.predict(subject.pixels).argmax(axis=1)
    assert (found == subject.unseen.labels).mean() >= 0.8


def check_classes_keep_the_order_that_they_were_given_in(subject: PictureSubject) -> None:
    turned = pictures(classes=CLASSES[::-1])
    model = subject.fit(turned)
    found = model.predict(subject.pixels).argmax(axis=1)
    assert (len(CLASSES) - 1 - found == subject.unseen.labels).mean() >= 0.8
    assert model.describe()["classes"] == list(CLASSES[::-1])


def check_each_picture_is_answered_as_if_it_were_alone(subject: PictureSubject) -> None:
    together = subject.fitted.predict(subject.pixels)
    for row in range(5):
        alone = subject.fitted.predict(subject.pixels[[row]])
        np.testing.assert_allclose(alone, together[[row]], atol=1e-5)


def check_the_same_seed_gives_the_same_answer(subject: PictureSubject) -> None:
    again = subject.fit()
    np.testing.assert_array_equal(
        again.predict(subject.pixels), subject.fitted.predict(subject.pixels)
    )


def check_a_saved_model_answers_as_before(subject: PictureSubject, folder: Path) -> None:
    subject.calibrated.save(folder / "model")
    loaded = registry.load_classifier(folder / "model")
    assert type(loaded) is type(subject.calibrated)
    assert loaded.describe() == subject.calibrated.describe()
    assert loaded.temperature == subject.calibrated.temperature is not None
    np.testing.assert_array_equal(
        loaded.predict(subject.pixels), subject.calibrated.predict(subject.pixels)
    )
    subject.fitted.save(folder / "without")
    assert registry.load_classifier(folder / "without").temperature is None


def check_a_damaged_file_is_refused(subject: PictureSubject, folder: Path) -> None:
    subject.fitted.save(folder / "model")
    files = [path for path in (folder / "model").rglob("*") if path.is_file()]
    assert len(files) > 1
    for path in files:
        content = path.read_bytes()
        if path.parent != folder / "model" or path.name != "model.json":
            half = len(content) // 2
            path.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
            with pytest.raises(ModelProblem, match=path.name):
                registry.load_classifier(folder / "model")
        path.unlink()
        with pytest.raises(ModelProblem):
            registry.load_classifier(folder / "model")
        path.write_bytes(content)
    registry.load_classifier(folder / "model")


def check_the_exported_file_answers_as_the_model(subject: PictureSubject, folder: Path) -> None:
    for name in ("fitted", "calibrated"):
        model = getattr(subject, name)
        for count in (1, 7):
            pixels = subject.pixels[:count]
            probabilities, evidence = served(model, folder / name, pixels)
            assert (probabilities.dtype, evidence.dtype) == (np.float32, np.float32)
            np.testing.assert_allclose(probabilities, model.predict(pixels), atol=1e-5)
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
            assert evidence.shape[:2] == (count, len(CLASSES))
            assert evidence.ndim == 4
            assert 1 <= evidence.shape[2] <= HEIGHT
            assert 1 <= evidence.shape[3] <= WIDTH
            assert np.isfinite(evidence).all()


def check_the_evidence_lies_where_the_class_is_seen(subject: PictureSubject, folder: Path) -> None:
    unseen = subject.unseen
    _, evidence = served(subject.fitted, folder, unseen.pixels)
    half = evidence.shape[3] // 2
    own = evidence[np.arange(len(unseen)), unseen.labels]
    left, right = own[:, :, :half].mean(axis=(1, 2)), own[:, :, -half:].mean(axis=(1, 2))
    seen = unseen.labels < 3
    assert ((left > right) == is_left(len(unseen)))[seen].mean() > 0.8


def check_a_temperature_changes_how_sure_it_is_and_not_of_what(subject: PictureSubject) -> None:
    model = subject.fit()
    sure = model.predict(subject.pixels)
    model.temperature = 3.0
    calm = model.predict(subject.pixels)
    np.testing.assert_array_equal(sure.argmax(axis=1), calm.argmax(axis=1))
    assert (calm.max(axis=1) < sure.max(axis=1)).all()
    assert subject.unfitted().calibrate(Pictures(subject.pixels[:0], [], CLASSES)) == 1.0


def check_pictures_of_another_size_are_refused(subject: PictureSubject) -> None:
    wide = np.zeros((2, HEIGHT, WIDTH + 1, 3), dtype=np.uint8)
    grey = np.zeros((2, HEIGHT, WIDTH, 1), dtype=np.uint8)
    for pixels in (wide, grey):
        with pytest.raises(ModelProblem, match="needs pictures of shape"):
            subject.fitted.predict(pixels)
        others = Pictures(pixels, np.array([0, 1]), CLASSES)
        with pytest.raises(ModelProblem, match="needs pictures of shape"):
            subject.unfitted().fit(others, subject.validation, progress=no_progress)
    with pytest.raises(ModelProblem, match="pictures are uint8"):
        subject.fitted.predict(subject.pixels.astype(np.float32))


def check_other_classes_are_refused(subject: PictureSubject) -> None:
    turned = pictures(classes=CLASSES[::-1])
    for training, validation in (
        (turned, subject.validation),
        (subject.training, turned),
    ):
        with pytest.raises(ModelProblem, match="other classes"):
            subject.unfitted().fit(training, validation, progress=no_progress)
    with pytest.raises(ModelProblem, match="other classes"):
        subject.fitted.calibrate(turned)


def check_too_few_pictures_are_refused(subject: PictureSubject) -> None:
    training = subject.training
    for rows in (slice(0), training.labels == 1):
        model = subject.unfitted()
        with pytest.raises(ModelProblem):
            model.fit(training.take(rows), subject.validation, progress=no_progress)
        with pytest.raises(ModelProblem, match="has not been fitted"):
            model.predict(subject.pixels)


def check_a_model_that_was_not_fitted_says_so(subject: PictureSubject, folder: Path) -> None:
    for use in (
        lambda: subject.unfitted().predict(subject.pixels),
        lambda: subject.unfitted().export_onnx(folder / "model.onnx"),
    ):
        with pytest.raises(ModelProblem, match="has not been fitted"):
            use()


def check_it_trains_without_validation(subject: PictureSubject) -> None:
    model = subject.unfitted()
    nothing = subject.validation.take(slice(0))
    report = model.fit(subject.training, nothing, progress=no_progress)
    assert report.validation_samples == 0
    assert report.best_loss is None
    assert report.best_round == report.rounds
    found = model.predict(subject.pixels).argmax(axis=1)
    assert (found == subject.unseen.labels).mean() >= 0.8


def check_progress_counts_up_to_its_total(subject: PictureSubject) -> None:
    calls: list[tuple[int, int]] = []
    report = subject.unfitted().fit(
        subject.training,
        subject.validation,
        progress=lambda kind, done, total, **values: calls.append((done, total)),
    )
    assert calls
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert all(done <= total for done, total in calls)
    assert (report.samples, report.validation_samples) == (160, 48)
    assert report.rounds == len(report.curve)
    json.dumps(report.as_dict(), allow_nan=False)


def check_a_second_fit_learns_from_all_pictures(subject: PictureSubject) -> None:
    answers = []
    for _ in range(2):
        model = subject.unfitted()
        report = model.fit(subject.training, subject.validation, progress=no_progress)
        temperature = model.calibrate(subject.validation)
        before = model.predict(subject.pixels)
        again = model.refit(subject.training, subject.validation, report, progress=no_progress)
        assert model.temperature == temperature
        answers.append(model.predict(subject.pixels))
    np.testing.assert_array_equal(answers[0], answers[1])
    if again is None:
        np.testing.assert_array_equal(answers[-1], before)
    else:
        assert again.samples == report.samples + report.validation_samples
        json.dumps(again.as_dict(), allow_nan=False)
        assert (answers[-1].argmax(axis=1) == subject.unseen.labels).mean() >= 0.8


def check_a_class_without_training_pictures_is_never_preferred(subject: PictureSubject) -> None:
    training = subject.training
    model = subject.unfitted()
    try:
        known = training.take(training.labels != 3)
        model.fit(known, subject.validation, progress=no_progress)
    except ModelProblem as problem:
        assert "class" in str(problem)
    else:
        known = subject.unseen.labels != 3
        assert (model.predict(subject.pixels).argmax(axis=1)[known] != 3).all()


def check_what_it_learnt_from_goes_with_its_bundle_in_numbers(
    subject: PictureSubject, folder: Path
) -> None:
    model, training = subject.fitted, subject.training
    names = feature_names(training.shape[2])
    columns = dict(zip(names, features_of(training.pixels).T, strict=True))
    answers = model.predict(subject.validation.pixels)
    learnt = picture_reference(columns, answers, training.classes)
    write_bundle(model, folder, training.pixels, learnt.to_dict())
    open_bundle(folder)
    saved = read_reference(folder)
    assert saved is not None
    reference = PictureReference.from_dict(saved)
    assert reference.to_dict() == saved
    assert reference.features.keys() == {*names}
    assert reference.answers == len(subject.validation) and reference.confidence is not None


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]
