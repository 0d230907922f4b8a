"""Pictures and their classes beside what was learnt from."""

from __future__ import annotations

import numpy as np
import pytest

from engine.drift.live import live_error_of_pictures
from engine.drift.pictures import judge_pictures
from engine.drift.report import Limits
from engine.predictor.feedback import ServedClassification
from models.drift.picture_reference import PictureReference, picture_reference

CLASSES = ("cat", "dog")


def reference() -> PictureReference:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.7, 1.0, 300)
    first = rng.random(300) < 0.5
    probabilities = np.where(first[:, None], np.c_[sure, 1 - sure], np.c_[1 - sure, sure])
    learnt = picture_reference({"brightness": rng.normal(120, 20, 800)}, probabilities, CLASSES)
    return PictureReference.from_dict(learnt.to_dict())


def answers(
    count: int, brightness: float = 120.0, cats: float = 0.5, seed: int = 1
) -> list[ServedClassification]:
    rng = np.random.default_rng(seed)
    return [
        ServedClassification(
            at=1_700_006_400.0 + number * 3600,
            model_name="v",
            sha256=f"{number:064x}",
            prediction="cat" if rng.random() < cats else "dog",
            confidence=float(rng.uniform(0.7, 1.0)),
            features={"brightness": float(rng.normal(brightness, 20))},
        )
        for number in range(count)
    ]


def verdicts(found: list[ServedClassification]) -> dict[str, str]:
    judged = judge_pictures(reference(), found, Limits())
    return {one.name: one.verdict for one in judged.features}


def test_pictures_as_before_are_alike() -> None:
    assert verdicts(answers(200)) == dict.fromkeys(("brightness", "confidence", "classes"), "alike")


def test_darker_pictures_and_other_classes_are_found() -> None:
    assert verdicts(answers(200, brightness=60))["brightness"] == "drifted"
    assert verdicts(answers(200, cats=0.98))["classes"] == "drifted"
    judged = judge_pictures(reference(), answers(200, brightness=60), Limits())
    assert judged.watched == "brightness" and len(judged.by_day) == 9


def test_a_few_pictures_or_the_same_one_again_say_nothing() -> None:
    judged = judge_pictures(reference(), answers(1) * 500, Limits())
    assert judged.features == () and "1 pictures are too few" in judged.notes[0]


EVALUATION = {"scores": {"candidate": {"overall": {"errors": 20, "count": 400}}}}


@pytest.mark.parametrize(("wrong", "finding"), [(0.0, "alike"), (0.06, "alike"), (0.3, "drifted")])
def test_the_live_error_is_that_of_pictures_whose_truth_was_told(
    wrong: float, finding: str
) -> None:
    given = answers(300)
    rng = np.random.default_rng(3)
    other = {"cat": "dog", "dog": "cat"}
    labels = {
        one.sha256: other[one.prediction] if rng.random() < wrong else one.prediction
        for one in given[:200]
    }
    live = live_error_of_pictures(given, labels, EVALUATION, Limits())
    assert (live.finding, live.matched, live.promised) == (finding, 200, 21 / 402)
    assert len(live.days) == 9


def test_without_a_word_about_any_picture_nothing_is_known() -> None:
    live = live_error_of_pictures(answers(9), {"ff": "cat"}, EVALUATION, Limits())
    assert (live.finding, live.live) == ("unknown", None) and "of no picture" in live.why
    few = live_error_of_pictures(answers(9), {f"{1:064x}": "cat"}, EVALUATION, Limits())
    assert few.finding == "unknown" and "too few" in few.why
