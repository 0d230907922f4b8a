"""Pictures and their classes: one picture in, how likely each class is out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.config.image_settings import ImageSettings
from engine.data.images.dataset import ImageDataset, open_image_dataset, write_image_dataset
from engine.data.images.loading import LoadedPictures, load_data
from engine.data.images.reference import feature_names, features_of
from engine.data.images.rules import CleanPictures, validate_pictures
from engine.errors import DataError
from engine.store import Version
from engine.store.gate import Check
from engine.store.image_gate import BASELINE, check_classifier
from engine.strategies.strategy import Measured, Strategy
from models import registry
from models.arrays import FloatArray
from models.data_types import IMAGE
from models.drift.picture_reference import picture_reference
from models.imaging.bundle import open_bundle, write_bundle
from models.imaging.classifier import Classifier
from models.imaging.evaluation import evaluate
from models.imaging.metrics import worst_mistakes
from models.imaging.pictures import Pictures, spread
from models.imaging.serving_classifier import ServingClassifier
from models.learner import FitReport, Progress, no_progress

_TOLD = 50
"""Pictures after which loading tells how far it is."""


class ImageStrategy(Strategy):
    """Classifiers of pictures."""

    data_type = IMAGE
    baseline = BASELINE

    def load(self, settings: ImageSettings, root: Path, progress: Progress) -> LoadedPictures:
        """Decode the pictures of a folder or of a list, one at a time."""

        def watch(done: int, total: int) -> None:
            if done % _TOLD == 0 or done == total:
                progress("picture", done, total)

        return load_data(settings.dataset, root=root, watch=watch)

    def validate(self, loaded: LoadedPictures, settings: ImageSettings) -> CleanPictures:
        """Hold the pictures against every rule at once."""
        return validate_pictures(loaded, settings.dataset)

    def prepare(
        self, valid: CleanPictures, settings: ImageSettings
    ) -> tuple[CleanPictures, list[str]]:
        """Nothing more is changed: pictures are left out by rules, or are as they are."""
        return valid, valid.report.sentences()

    def write(self, clean: CleanPictures, settings: ImageSettings, datasets_dir: Path) -> str:
        """Every picture is on the side that its content says."""
        dataset = write_image_dataset(clean, settings=settings.dataset, datasets_dir=datasets_dir)
        return dataset.id

    def open_data(self, datasets_dir: Path, dataset_id: str) -> ImageDataset:
        """Open a data set of pictures."""
        return open_image_dataset(datasets_dir, dataset_id)

    def build(self, settings: ImageSettings, data: ImageDataset, root: Path) -> Classifier:
        """Make the untrained classifier of the data set's size and classes."""
        height, width, channels = data.shape
        pretrained = settings.model.pretrained
        return registry.create_classifier(
            settings.model.model_type,
            height=height,
            width=width,
            channels=channels,
            classes=data.classes,
            seed=settings.train.seed,
            threads=settings.train.threads,
            hparams=settings.train.hparams,
            pretrained=None if pretrained is None else root / pretrained,
        )

    def not_learnt_from(self, model: Classifier, data: ImageDataset) -> list[str]:
        """Every picture of the training part can be learnt from."""
        return []

    def fit(self, model: Classifier, data: ImageDataset, progress: Progress) -> FitReport:
        """Fit on the training part."""
        return model.fit(data.training(), data.validation(), progress=progress)

    def calibrate(self, model: Classifier, data: ImageDataset) -> int:
        """Learn how sure the model may be."""
        validation = data.validation()
        model.calibrate(validation)
        return len(validation)

    def refit(
        self, model: Classifier, report: FitReport, data: ImageDataset, progress: Progress
    ) -> FitReport | None:
        """Learn once more, from the validation pictures too."""
        return model.refit(data.training(), data.validation(), report, progress=progress)

    def write_bundle(self, model: Classifier, data: ImageDataset, folder: Path) -> None:
        """Pictures of the training part are the golden ones."""
        training, validation = data.training(), data.validation()
        names = feature_names(data.shape[2])
        columns = features_of(training.pixels).T
        reference = picture_reference(
            dict(zip(names, columns, strict=True)),
            model.predict(validation.pixels),
            data.classes,
        )
        write_bundle(model, folder, training.pixels, reference.to_dict())

    def describe_training(self, data: ImageDataset) -> dict[str, Any]:
        """What decides whether a later picture is treated alike, and which ones were seen."""
        return {
            "picture_fit": data.fit,
            "split": _split_of(data),
            "pictures": {"training": len(data.training()), "validation": len(data.validation())},
        }

    def open_bundle(self, folder: Path) -> ServingClassifier:
        """Open the bundle of a classifier."""
        return open_bundle(folder)

    def measure(
        self,
        serving: ServingClassifier,
        data: ImageDataset,
        settings: ImageSettings,
        *,
        candidate: ServingClassifier,
    ) -> Measured:
        """On every picture of the test part."""
        test = _test_part(data)
        return self._measured(serving.predict(test.pixels), test, data, settings)

    def measure_baseline(
        self, data: ImageDataset, settings: ImageSettings, *, candidate: ServingClassifier
    ) -> Measured:
        """The nearest mean picture of the same training part, on the same pictures."""
        height, width, channels = data.shape
        nearest = registry.create_classifier(
            self.baseline,
            height=height,
            width=width,
            channels=channels,
            classes=data.classes,
            seed=settings.train.seed,
            threads=1,
            hparams={},
        )
        nearest.fit(data.training(), data.validation(), progress=no_progress)
        nearest.calibrate(data.validation())
        test = _test_part(data)
        return self._measured(nearest.predict(test.pixels), test, data, settings)

    def _measured(
        self,
        probabilities: FloatArray,
        test: Pictures,
        data: ImageDataset,
        settings: ImageSettings,
    ) -> Measured:
        evaluation = evaluate(probabilities, test.labels, data.classes)
        names, predicted = data.names_of("test"), probabilities.argmax(axis=1)
        worst = worst_mistakes(probabilities, test.labels, settings.evaluate.mistakes)
        mistakes = [
            {
                "name": names[row],
                "actual": data.classes[test.labels[row]],
                "predicted": data.classes[predicted[row]],
                "confidence": float(probabilities[row, predicted[row]]),
            }
            for row in worst.tolist()
        ]
        notes = []
        if lacking := evaluation.classes_without_pictures:
            notes.append(
                f"{lacking} of {len(data.classes)} classes have no test picture: not measured"
            )
        wrong = np.flatnonzero(predicted != test.labels).tolist()
        summary = {**evaluation.summary(), "mistakes": mistakes, "wrong": wrong}
        return Measured(summary, notes)

    def cannot_compare(self, champion: Version, data: ImageDataset) -> str | None:
        """It tells other classes, sees another size, or has learnt from test pictures."""
        training = champion.lineage["training"]
        who, model = f"the champion {champion.id}", training["model"]
        if tuple(model["classes"]) != data.classes:
            return f"{who} tells other classes: it is not compared"
        if (model["height"], model["width"], model["channels"]) != data.shape:
            return f"{who} sees pictures of another size: it is not compared"
        if training["picture_fit"] != data.fit:
            return f"{who} sees pictures that were brought to size otherwise: it is not compared"
        if training["split"] != _split_of(data):
            return f"{who} was trained on another split, test pictures among it: it is not compared"
        return None

    def describe_evaluation(
        self, serving: ServingClassifier, training: Mapping[str, Any], settings: ImageSettings
    ) -> dict[str, Any]:
        """The classes, in the order of every table."""
        return {"classes": list(serving.signature.classes)}

    def checks(self, evaluation: Mapping[str, Any], settings: ImageSettings) -> list[Check]:
        """Against the nearest mean picture, the champion and the bounds that are set."""
        return check_classifier(evaluation["scores"], settings.deploy.gate)

    def try_out(
        self, serving: ServingClassifier, data: ImageDataset, settings: ImageSettings
    ) -> None:
        """Classify as many test pictures as `deploy.canary_pictures` says."""
        # What is not finite or no probability raises there.
        serving.classify(spread(_test_part(data).pixels, settings.deploy.canary_pictures))


def _test_part(data: ImageDataset) -> Pictures:
    test = data.test()
    if not len(test):
        raise DataError(
            "it has no test picture to measure anything on",
            where=f"dataset {data.id}",
            fix="Raise dataset.split.test_share, or add pictures, and run data_flow again",
        )
    return test


def _split_of(data: ImageDataset) -> dict[str, Any]:
    """What decides on which side of the test part a picture lies."""
    content = data.manifest["content"]
    return {"seed": content["split_seed"], "test_share": content["test_share"]}
