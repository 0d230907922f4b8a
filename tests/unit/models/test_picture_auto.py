"""auto for pictures: what it tries, how it blends, what it keeps."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from models import registry
from models.data_types import IMAGE
from models.errors import ModelProblem
from models.imaging import auto
from models.imaging.classifier import Classifier
from models.imaging.judging import PictureJudge
from models.imaging.pictures import Pictures
from models.learner import FitReport, no_progress
from models.search.blending import Member
from models.search.ensemble import select
from tests.contract.picture_subject import CLASSES, HEIGHT, QUICK, WIDTH, pictures
from tests.own_registry import use_own_registry

TEMPLATE_MODEL = Path(__file__).parents[2] / "contract" / "template_model.py"


@pytest.fixture(autouse=True)
def own_types(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_own_registry(monkeypatch)
    shutil.copy(TEMPLATE_MODEL, tmp_path / "template.py")
    registry.load_file(tmp_path / "template.py")


def leave_only(*names: str) -> None:
    classifiers = registry._models[IMAGE]
    for name in set(classifiers) - {"auto", *names}:
        del classifiers[name]


def make(**hparams: object) -> Classifier:
    return registry.create_classifier(
        "auto",
        height=HEIGHT,
        width=WIDTH,
        channels=3,
        classes=CLASSES,
        seed=1,
        threads=1,
        hparams={**QUICK, "epochs": 6, **hparams},
    )


def fit(model: Classifier) -> FitReport:
    return model.fit(pictures(), pictures(48, seed=1), progress=no_progress)


def test_the_defaults_of_every_type_are_tried_first_and_then_variants() -> None:
    leave_only("Template", "CNN", "ResNet")
    report = fit(make(trials=5, epochs=2))
    rows = [row for row in report.leaderboard if row["member"] is not None]
    rows.sort(key=lambda row: row["member"])

    assert [row["model_type"] for row in rows[:3]] == ["Template", "CNN", "ResNet"]
    assert len(rows) == report.rounds == len(report.curve) == 5
    assert all(row["status"] == "done" and row["low"] <= row["score"] for row in rows)
    assert {(row["model_type"], row["seed"]) for row in rows[3:]}.isdisjoint(
        (row["model_type"], row["seed"]) for row in rows[:3]
    )
    scores = [row["score"] for row in report.leaderboard]
    assert scores == sorted(scores)


def test_members_of_maps_of_other_sizes_are_served_in_one_file(tmp_path: Path) -> None:
    from onnxruntime import InferenceSession

    model = make()
    fit(model)
    kinds = ("CNN", "Template", "ResNet")
    made = [registry.get_classifier(kind) for kind in kinds]
    members = []
    for kind, weight in zip(made, (0.5, 0.3, 0.2), strict=True):
        own = {key: value for key, value in QUICK.items() if key in kind.Hyperparameters.names()}
        member = registry.create_classifier(
            kind.model_type,
            height=HEIGHT,
            width=WIDTH,
            channels=3,
            classes=CLASSES,
            seed=2,
            threads=1,
            hparams=own,
        )
        report = fit(member)
        member.calibrate(pictures(48, seed=1))
        members.append(Member(member, weight, report))
    model._members = tuple(members)  # type: ignore[attr-defined]
    model.calibrate(pictures(48, seed=1))
    pixels = pictures(9, seed=3).pixels
    model.export_onnx(tmp_path / "blend.onnx")
    session = InferenceSession(tmp_path / "blend.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 9):
        probabilities, evidence = session.run(None, {"pixels": pixels[:count]})
        np.testing.assert_allclose(probabilities, model.predict(pixels[:count]), atol=1e-5)
        assert evidence.shape == (count, 4, 5, 6)
    mean = sum(one.weight * one.model.predict(pixels) for one in members)
    model.temperature = None
    np.testing.assert_allclose(model.predict(pixels), mean, rtol=1e-9)


def test_weights_are_those_that_make_right_classes_most_likely_together() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400)
    judge = PictureJudge(labels, seed=0)
    answers = []
    for half in (slice(0, 200), slice(200, 400), slice(0, 0)):
        # Each of the first two knows one half of the pictures, the last one nothing.
        logits = rng.normal(0, 0.1, (400, 3))
        logits[half] += 4 * np.eye(3)[labels[half]]
        answers.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    residuals = np.stack([judge.residuals(one) for one in answers])
    blend = select(judge, residuals, members=3)

    assert blend.weights[:2] == pytest.approx([0.5, 0.5], abs=0.1)
    assert blend.gain.low > 0.1
    mean = np.tensordot(blend.weights, np.stack(answers), axes=1)
    expected = -np.log(mean[np.arange(400), labels]).mean()
    assert blend.score.value == pytest.approx(expected, rel=1e-5)


def test_nearly_as_good_is_what_differs_by_no_more_than_chance() -> None:
    rng = np.random.default_rng(0)
    judge = PictureJudge(np.zeros(300, dtype=np.int64), seed=0)
    best = rng.exponential(0.02, 300)
    unlucky, worse = best + rng.normal(0.0, 0.02, 300), best + 0.02
    unlucky[5] += 1.0  # one picture that it was sure of and wrong about
    losses = np.stack([unlucky, best, worse])

    assert judge.near(losses, judge.everything).tolist() == [True, True, False]
    assert judge.scores(losses)[0] > 1.1 * judge.scores(losses)[1]


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.5])
def test_what_is_no_probability_is_not_judged(wrong: float) -> None:
    answers = np.full((3, 2), 0.5)
    answers[1, 0] = wrong
    with pytest.raises(ModelProblem, match="no probability"):
        PictureJudge(np.array([0, 0, 1]), seed=0).residuals(answers)


def test_a_type_that_cannot_begin_with_the_given_weights_is_a_row_with_its_reason(
    tmp_path: Path,
) -> None:
    leave_only("CNN", "ResNet")
    teacher = registry.create_classifier(
        "CNN",
        height=HEIGHT,
        width=WIDTH,
        channels=1,
        classes=("a", "b"),
        seed=0,
        threads=1,
        hparams={"epochs": 1, "conv_filters": 8, "conv_layers": 2},
    )
    grey = Pictures(pictures(8).pixels[..., :1], np.arange(8) % 2, ("a", "b"))
    teacher.fit(grey, grey.take(slice(0)), progress=no_progress)
    teacher.save(tmp_path / "teacher")
    model = make(trials=2)
    model.pretrained = tmp_path / "teacher"
    report = fit(model)

    assert report.transferred > 0
    last = report.leaderboard[-1]
    assert (last["model_type"], last["status"]) == ("ResNet", "failed")
    assert "none of the weights" in last["why"]
    model = make(trials=2, conv_filters=4)
    model.pretrained = tmp_path / "teacher"
    with pytest.raises(ModelProblem, match=r"none of 2 models .* fits this network"):
        fit(model)


def test_a_second_fit_begins_with_the_given_weights_too(tmp_path: Path) -> None:
    leave_only("CNN")
    teacher = make(trials=1)
    fit(teacher)
    teacher.save(tmp_path / "teacher")
    model = make(trials=1, epochs=1, init_lr=1e-7)
    model.pretrained = tmp_path / "teacher" / "members" / "0"
    report = fit(model)
    model.refit(pictures(), pictures(48, seed=1), report, progress=no_progress)
    found = model.predict(pictures(40, seed=2).pixels).argmax(axis=1)

    # A network that began anew could not have learnt anything at such a rate.
    assert report.transferred == 22
    assert (found == pictures(40, seed=2).labels).mean() > 0.5


def test_finished_trials_are_taken_up(tmp_path: Path) -> None:
    leave_only("CNN", "Template")
    answers = []
    for trials in (2, 3):
        model = make(trials=trials)
        model.keep_trials_in(tmp_path / "trials")  # type: ignore[attr-defined]
        times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("trials/*/model/*")}
        fit(model)
        for path, time in times.items():
            assert path.stat().st_mtime_ns == time
        answers.append(len(list(tmp_path.glob("trials/trial-*"))))
    assert answers == [2, 3]


def test_what_is_held_back_without_validation_has_a_part_of_each_class() -> None:
    labels = np.array([0] * 60 + [1] * 20 + [2])
    given = Pictures(np.zeros((81, 8, 8, 1), dtype=np.uint8), labels, ("a", "b", "c"))
    kept, held = auto.held_back(given, 3)

    assert kept.counts.tolist() == [51, 17, 1]
    assert held.counts.tolist() == [9, 3, 0]
    with pytest.raises(ModelProblem, match="two pictures of a class"):
        auto.held_back(given.take(np.array([0, 60, 80])), 3)


@pytest.mark.long
def test_two_processes_find_what_one_finds_alone() -> None:
    leave_only("CNN", "ResNet")
    alone, together = make(trials=2), make(trials=2, workers=2)
    fit(alone)
    fit(together)

    pixels = pictures(20, seed=2).pixels
    np.testing.assert_array_equal(alone.predict(pixels), together.predict(pixels))
