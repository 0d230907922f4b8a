"""What the flows ask of the strategy for pictures."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config.image_settings import ImageSettings
from engine.data.images.dataset import ImageDataset
from engine.errors import DataError
from engine.pictures import encode_png
from engine.store import Version, VersionStore
from engine.strategies.images import ImageStrategy
from models.errors import ModelProblem
from models.imaging.classifier import Classifier
from models.imaging.pictures import PixelArray
from models.learner import no_progress
from tests.unit.picture_bundles import COLOURS, colour_picture

SIDE, A_CLASS = 8, 16
strategy = ImageStrategy()


def settings(**dataset: Any) -> ImageSettings:
    """Settings that read the folder `shop`, compared by mean pictures."""
    area = {"ds_root": ".", "file_path": "shop", "height": SIDE, "width": SIDE, **dataset}
    model = {"model_type": "MeanPicture"}
    return ImageSettings.model_validate({"dataset": area, "model": model})


def write_shop(root: Path) -> None:
    """A folder a colour."""
    for place, name in enumerate(COLOURS):
        (root / "shop" / name).mkdir(parents=True)
        for number in range(A_CLASS):
            pixels = colour_picture(name, SIDE, seed=100 * place + number)
            (root / "shop" / name / f"{number}.png").write_bytes(encode_png(pixels))


def prepared(root: Path, chosen: ImageSettings, datasets: Path) -> ImageDataset:
    """What data_flow does, one method after the other."""
    told: list[tuple[str, int, int]] = []
    loaded = strategy.load(chosen, root, lambda *step: told.append(step))
    clean, sentences = strategy.prepare(strategy.validate(loaded, chosen), chosen)
    total = len(COLOURS) * A_CLASS
    assert told[-1] == ("picture", total, total)
    assert any(f"{total} pictures" in sentence for sentence in sentences)
    return strategy.open_data(datasets, strategy.write(clean, chosen, datasets))


def fitted(data: ImageDataset, chosen: ImageSettings) -> Classifier:
    model = strategy.build(chosen, data, Path())
    strategy.fit(model, data, no_progress)
    assert strategy.calibrate(model, data) == len(data.validation())
    assert strategy.not_learnt_from(model, data) == []
    return model


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ImageDataset:
    root = tmp_path_factory.mktemp("shop")
    write_shop(root)
    return prepared(root, settings(), root / "datasets")


@pytest.fixture(scope="module")
def bundle(data: ImageDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "bundle"
    strategy.write_bundle(fitted(data, settings()), data, folder)
    return folder


@pytest.fixture
def champion(data: ImageDataset, bundle: Path, tmp_path: Path) -> Version:
    """A version as deploy_flow would have recorded it."""
    model = {"classes": list(data.classes), **dict(zip(SHAPE, data.shape, strict=True))}
    training = {"model": model, **strategy.describe_training(data)}
    return VersionStore(tmp_path).add(bundle, created=1.0, lineage={"training": training})


SHAPE = ("height", "width", "channels")


def test_a_model_is_built_for_the_pictures_of_the_data_set(data: ImageDataset) -> None:
    model = strategy.build(settings(), data, Path())

    assert (model.height, model.width, model.channels) == data.shape == (SIDE, SIDE, 3)
    assert model.classes == data.classes == tuple(COLOURS)


def test_weights_to_start_from_lie_in_the_workspace(data: ImageDataset, tmp_path: Path) -> None:
    def pretrained(given: str | None) -> Path | None:
        model = {"model_type": "CNN", "pretrained": given}
        return strategy.build(
            ImageSettings.model_validate({"model": model}), data, tmp_path
        ).pretrained

    assert pretrained(None) is None
    assert pretrained("models/weights.npz") == tmp_path / "models" / "weights.npz"
    assert pretrained("/srv/weights.npz") == Path("/srv/weights.npz")


def test_what_is_measured_is_measured_on_every_test_picture(
    data: ImageDataset, bundle: Path
) -> None:
    serving = strategy.open_bundle(bundle)

    candidate = strategy.measure(serving, data, settings(), candidate=serving)
    baseline = strategy.measure_baseline(data, settings(), candidate=serving)

    assert candidate.summary["overall"]["count"] == len(data.test())
    assert candidate.summary["overall"]["errors"] == 0
    assert candidate.summary["mistakes"] == []
    assert candidate.notes == []
    # It is the same model as the candidate here, trained and measured alike.
    own, other = candidate.summary["overall"], baseline.summary["overall"]
    assert own.keys() == other.keys()
    assert (own["errors"], own["count"]) == (other["errors"], other["count"])
    assert own["log_loss"] == pytest.approx(other["log_loss"], abs=1e-4)
    told = strategy.describe_evaluation(serving, {}, settings())
    assert told == {"classes": list(COLOURS)}


class Guess:
    """Serves as a bundle that says the first class of everything, ever surer."""

    def predict(self, pixels: PixelArray) -> np.ndarray:
        sure = np.linspace(0.5, 0.9, len(pixels))
        rest = (1.0 - sure) / (len(COLOURS) - 1)
        return np.column_stack([sure, *[rest] * (len(COLOURS) - 1)])


@pytest.mark.parametrize("most", [0, 2, 1000])
def test_the_worst_mistakes_are_listed_by_name(data: ImageDataset, most: int) -> None:
    chosen = ImageSettings.model_validate({"evaluate": {"mistakes": most}})
    guess: Any = Guess()

    measured = strategy.measure(guess, data, chosen, candidate=guess)

    mistakes = measured.summary["mistakes"]
    errors = measured.summary["overall"]["errors"]
    assert errors == sum(data.test().labels != 0)
    assert len(mistakes) == min(most, errors)
    assert {one["predicted"] for one in mistakes} <= {"blue"}
    for one in mistakes:
        assert Path(one["name"]).parts[0] == one["actual"] != "blue"
    sure = [one["confidence"] for one in mistakes]
    assert sure == sorted(sure, reverse=True)


def test_a_class_without_a_test_picture_is_noted(
    data: ImageDataset, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = data.test()
    names = data.names_of("test")
    kept = test.labels != 1
    without = test.take(np.flatnonzero(kept))
    monkeypatch.setattr(ImageDataset, "test", lambda _: without)
    left = tuple(name for name, keep in zip(names, kept, strict=True) if keep)
    monkeypatch.setattr(ImageDataset, "names_of", lambda *_: left)
    serving = strategy.open_bundle(bundle)

    measured = strategy.measure(serving, data, settings(), candidate=serving)

    assert measured.notes == ["1 of 3 classes have no test picture: not measured"]


def test_a_data_set_without_test_pictures_measures_nothing(
    data: ImageDataset, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = data.test().take(slice(0))
    monkeypatch.setattr(ImageDataset, "test", lambda _: nothing)
    serving = strategy.open_bundle(bundle)

    with pytest.raises(DataError, match="no test picture") as caught:
        strategy.measure(serving, data, settings(), candidate=serving)
    with pytest.raises(DataError, match="no test picture"):
        strategy.try_out(serving, data, settings())

    assert data.id in str(caught.value)
    assert "dataset.split.test_share" in str(caught.value)


def test_a_champion_of_the_same_pictures_and_split_is_compared(
    data: ImageDataset, champion: Version
) -> None:
    assert strategy.cannot_compare(champion, data) is None


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("model", "classes"), ["blue", "red"], "tells other classes"),
        (("model", "classes"), ["red", "green", "blue"], "tells other classes"),
        (("model", "height"), 16, "sees pictures of another size"),
        (("model", "channels"), 1, "sees pictures of another size"),
        (("picture_fit",), "crop", "brought to size otherwise"),
        (("split", "seed"), 1, "another split"),
        (("split", "test_share"), 0.3, "another split"),
    ],
)
def test_why_a_champion_cannot_be_compared(
    data: ImageDataset, champion: Version, path: tuple[str, ...], value: Any, why: str
) -> None:
    lineage = copy.deepcopy(champion.lineage)
    part = lineage["training"]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value

    said = strategy.cannot_compare(replace(champion, lineage=lineage), data)

    assert said is not None
    assert said.startswith(f"the champion {champion.id} ")
    assert why in said


def test_more_pictures_or_another_validation_part_leave_the_champion_comparable(
    champion: Version, tmp_path: Path
) -> None:
    write_shop(tmp_path)
    for number in range(20, 30):
        pixels = colour_picture("red", SIDE, seed=900 + number)
        (tmp_path / "shop" / "red" / f"{number}.png").write_bytes(encode_png(pixels))
    chosen = settings(split={"validation_share": 0.3})
    loaded = strategy.load(chosen, tmp_path, no_progress)
    clean, _ = strategy.prepare(strategy.validate(loaded, chosen), chosen)
    later = strategy.open_data(tmp_path, strategy.write(clean, chosen, tmp_path))

    assert strategy.cannot_compare(champion, later) is None


def test_the_record_of_a_training_tells_what_was_learnt_from(data: ImageDataset) -> None:
    assert strategy.describe_training(data) == {
        "picture_fit": "pad",
        "split": {"seed": 0, "test_share": 0.15},
        "pictures": {"training": len(data.training()), "validation": len(data.validation())},
    }


@pytest.mark.parametrize(("most", "tried"), [(1, 1), (4, 4), (4096, None)])
def test_a_version_is_tried_with_as_many_real_pictures_as_are_asked_for(
    data: ImageDataset, most: int, tried: int | None
) -> None:
    seen: list[int] = []

    class Serving:
        def classify(self, pixels: PixelArray) -> None:
            seen.append(len(pixels))

    chosen = ImageSettings.model_validate({"deploy": {"canary_pictures": most}})
    strategy.try_out(Serving(), data, chosen)  # type: ignore[arg-type]

    assert seen == [len(data.test()) if tried is None else tried]


def test_a_version_that_does_not_answer_with_probabilities_is_not_let_through(
    data: ImageDataset, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = strategy.open_bundle(bundle)
    strategy.try_out(serving, data, settings())

    monkeypatch.setattr(
        serving._session,
        "run",
        lambda *_: [
            np.full((len(data.test()), len(COLOURS)), np.nan, dtype=np.float32),
            np.zeros((len(data.test()), len(COLOURS), 2, 2), dtype=np.float32),
        ],
        raising=False,
    )
    with pytest.raises(ModelProblem):
        strategy.try_out(serving, data, settings())
