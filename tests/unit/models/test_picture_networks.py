"""Networks for pictures: shapes, training, transfer, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models import registry
from models.errors import ModelProblem
from models.imaging.classifier import Classifier
from models.imaging.network_classifier import ImageNetworkHyperparameters
from models.imaging.networks import PictureNetwork, plain_body, residual_body
from models.imaging.pictures import Pictures
from models.imaging.training import class_weights
from models.learner import FitReport, no_progress

CLASSES = ("dark", "light")


def greys(count: int = 64, side: int = 8, seed: int = 0, lighter: float = 8) -> Pictures:
    """Noise, a little lighter in the second class: not learnt without a mistake."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    values = rng.normal(110 + lighter * labels[:, None, None, None], 40, (count, side, side, 1))
    return Pictures(values.clip(0, 255).astype(np.uint8), labels, CLASSES)


NOTHING = greys().take(slice(0))


def make(name: str = "CNN", seed: int = 1, channels: int = 1, **hparams: object) -> Classifier:
    return registry.create_classifier(
        name,
        height=8,
        width=8,
        channels=channels,
        classes=CLASSES,
        seed=seed,
        threads=1,
        hparams={
            "epochs": 3,
            "min_samples_per_epoch": 1,
            "batch_size": 16,
            "conv_filters": 4,
            **hparams,
        },
    )


def fit(
    model: Classifier, validation: Pictures = NOTHING, training: Pictures | None = None
) -> FitReport:
    return model.fit(training or greys(), validation, progress=no_progress)


@pytest.mark.parametrize("body_of", [plain_body, residual_body])
@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (8, 8, 4, 4),
        (8, 64, 2, 16),
        (28, 28, 7, 7),
        (32, 32, 4, 4),
        (33, 47, 5, 6),
        (96, 96, 6, 6),
        (224, 224, 7, 7),
    ],
)
def test_pictures_of_any_size_end_in_a_map_of_a_few_places(
    body_of, height: int, width: int, rows: int, columns: int
) -> None:
    body, features = body_of(height, width, 3, filters=4, blocks=1)
    network = PictureNetwork(body, features, channels=3, classes=5, dropout=0.0).eval()
    pixels = torch.randint(0, 256, (2, height, width, 3), dtype=torch.uint8)
    logits, evidence = network(pixels)

    assert evidence.shape == (2, 5, rows, columns)
    torch.testing.assert_close(logits, evidence.mean(dim=(2, 3)) + network.bias)


def test_pixels_are_standardised_by_the_colours_of_the_training_pictures() -> None:
    network = PictureNetwork(torch.nn.Identity(), 3, channels=3, classes=2, dropout=0.0)
    pixels = torch.randint(0, 200, (50, 6, 6, 3), dtype=torch.uint8)
    pixels[..., 2] = 7  # a channel of one value is divided by no less than 1
    network.learn_colours(pixels.numpy())
    values = network.standardised(pixels)

    assert values.shape == (50, 3, 6, 6)
    torch.testing.assert_close(values.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.std(dim=(0, 2, 3))[:2], torch.ones(2), atol=1e-3, rtol=0)
    assert (values[:, 2] == 0).all()


@pytest.mark.parametrize("name", ["CNN", "ResNet"])
def test_a_training_that_diverges_stops_and_says_so(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(name)
    build = model._build  # type: ignore[attr-defined]

    def broken() -> PictureNetwork:
        network = build()
        with torch.no_grad():
            network.head.weight.fill_(float("inf"))
        return network

    monkeypatch.setattr(model, "_build", broken)
    with pytest.raises(ModelProblem, match=r"diverged: the loss of epoch 1 .*Lower init_lr"):
        fit(model)
    with pytest.raises(ModelProblem, match="has not been fitted"):
        model.predict(greys().pixels)


def test_early_stopping_keeps_the_best_epoch_and_a_second_fit_runs_as_many() -> None:
    quick = {"epochs": 40, "patience": 3, "init_lr": 0.02}
    model, checks = make(**quick, ema_decay=0.0, label_smoothing=0.0), greys(seed=9)
    report = fit(model, checks)
    losses = [entry["validation_loss"] for entry in report.curve]

    assert report.best_loss == min(losses) == losses[report.best_round - 1]
    assert report.rounds == report.best_round + 3 < 40
    found = model.predict(checks.pixels)[np.arange(len(checks)), checks.labels]
    assert -np.log(found).mean() == pytest.approx(report.best_loss, rel=1e-4)
    again = model.refit(greys(), checks, report, progress=no_progress)
    assert again is not None
    assert (again.rounds, again.samples) == (report.best_round, 128)


def test_the_average_of_the_weights_has_the_averages_of_their_normalisation() -> None:
    told = {}
    for decay in (0.0, 0.5):
        model = make(epochs=1, batch_size=64, ema_decay=decay)
        fit(model)
        told[decay] = model._network.state_dict()  # type: ignore[attr-defined]
    moved = 0
    for name, start in make()._build().state_dict().items():  # type: ignore[attr-defined]
        if name.endswith("running_mean"):
            # They begin at 0. After one step an average remembers one part of eleven of that.
            assert torch.equal(start, torch.zeros_like(start))
            torch.testing.assert_close(told[0.5][name], told[0.0][name] * 10 / 11)
            moved += 1
    assert moved == 4


def test_rare_classes_count_as_much_as_they_are_told_to() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    pictures = Pictures(np.zeros((100, 8, 8, 1), dtype=np.uint8), labels, (*CLASSES, "unseen"))

    assert class_weights(pictures, 0.0) is None
    for balance, ratio in ((0.5, 3.0), (1.0, 9.0)):
        weights = class_weights(pictures, balance)
        assert weights is not None
        assert weights[1] / weights[0] == pytest.approx(ratio)
        assert (weights @ torch.tensor([90.0, 10.0, 0.0])).item() == pytest.approx(100)
        assert weights[2] / weights[1] == pytest.approx(10**balance)


def test_balance_finds_more_of_a_rare_class() -> None:
    pictures = greys(200)
    rows = [*np.flatnonzero(pictures.labels == 0).tolist(), *range(1, 16, 2)]
    rare, unseen = pictures.take(np.array(rows)), greys(seed=5)
    found = []
    for balance in (0.0, 1.0):
        model = make(class_balance=balance, epochs=8)
        model.fit(rare, NOTHING, progress=no_progress)
        found.append(model.predict(unseen.pixels).argmax(axis=1).mean())
    assert found[0] < found[1]


def test_bfloat16_learns_alike_and_answers_in_single_precision() -> None:
    accuracies = []
    for bf16 in (False, True):
        model = make(epochs=12, conv_filters=8, bf16=bf16)
        fit(model, training=greys(lighter=30))
        weights = model._network.state_dict()  # type: ignore[attr-defined]
        assert weights["head.weight"].dtype == torch.float32
        unseen = greys(seed=7, lighter=30)
        accuracies.append((model.predict(unseen.pixels).argmax(axis=1) == unseen.labels).mean())
    assert min(accuracies) > 0.9


def test_training_leaves_the_random_numbers_and_threads_of_others_alone() -> None:
    torch.manual_seed(0)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    fit(make())

    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_another_seed_is_another_model() -> None:
    first, second = make(seed=1), make(seed=2)
    fit(first)
    fit(second)

    assert not np.array_equal(first.predict(greys().pixels), second.predict(greys().pixels))


def test_training_begins_with_what_another_model_learnt(tmp_path: Path) -> None:
    teacher, training = make(epochs=12), greys(lighter=30)
    fit(teacher, training=training)
    teacher.save(tmp_path / "teacher")
    unseen, losses = greys(seed=4, lighter=30), []
    for pretrained in (None, tmp_path / "teacher", tmp_path / "teacher" / "weights.npz"):
        model = make(epochs=1, init_lr=0.0001, ema_decay=0.0)
        model.pretrained = pretrained
        report = fit(model, unseen, training)
        losses.append(report.best_loss)
        # Four convolutions, each with the four tensors of its normalisation; the head, its bias.
        assert report.transferred == (0 if pretrained is None else 22)
    assert losses[1] < losses[0] - 0.2
    assert losses[1] == losses[2]


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    teacher = make(conv_filters=8)
    fit(teacher)
    teacher.save(tmp_path)
    model = make()
    model.pretrained = tmp_path
    with pytest.raises(ModelProblem, match=r"none of the weights .* fits this network"):
        fit(model)
    model.pretrained = tmp_path / "nothing.npz"
    with pytest.raises(ModelProblem, match="cannot be read"):
        fit(model)
    (tmp_path / "text.npz").write_text("cos\nsystem\n")
    model.pretrained = tmp_path / "text.npz"
    with pytest.raises(ModelProblem, match="cannot be read"):
        fit(model)


def test_the_body_of_a_model_of_other_classes_is_taken_over(tmp_path: Path) -> None:
    many = registry.create_classifier(
        "CNN",
        height=16,
        width=16,
        channels=1,
        classes=("a", "b", "c"),
        seed=0,
        threads=1,
        hparams={"epochs": 1, "conv_filters": 4},
    )
    pictures = greys(side=16)
    many.fit(
        Pictures(pictures.pixels, pictures.labels, many.classes),
        Pictures(pictures.pixels[:0], pictures.labels[:0], many.classes),
        progress=no_progress,
    )
    many.save(tmp_path)
    model = make()
    model.pretrained = tmp_path

    # All but the head's matrix and its bias: the old one tells three classes apart.
    assert fit(model).transferred == 20


def test_a_damaged_weights_file_of_the_right_digest_is_refused(tmp_path: Path) -> None:
    model = make()
    fit(model)
    with np.errstate(all="ignore"):
        model._network.bias.data.fill_(float("nan"))  # type: ignore[attr-defined]
    model.save(tmp_path)
    with pytest.raises(ModelProblem, match="not finite: bias"):
        registry.load_classifier(tmp_path)


def test_every_hyperparameter_is_documented_and_bounded() -> None:
    for name in ("CNN", "ResNet"):
        kind = registry.get_classifier(name).Hyperparameters
        assert issubclass(kind, ImageNetworkHyperparameters)
        assert set(kind.documentation()) == set(kind.names())
