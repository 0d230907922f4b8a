"""What the engine tells of models of images: versions, data sets, runs, drift, answers.

Small, but of the shapes that its commands print.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.store import AliasRegistry, Version, VersionStore
from engine.workspace import Workspace
from models.data_types import IMAGE
from tests.tui.stories import CREATED
from tests.unit.picture_bundles import make_picture_bundle

IMAGE_IDS = ("cnn-dddddddddddd", "resnet-eeeeeeeeeeee")
CLASSES = ("cat", "dog", "bird")
DATA_SET = "6ee391157332439d"
BETTER = ((58, 1, 1), (2, 55, 3), (0, 0, 60))
WORSE = ((50, 6, 4), (9, 46, 5), (1, 2, 57))


def scores(confusion: tuple[tuple[int, ...], ...]) -> dict[str, Any]:
    """All that follows from who was taken for what, as an evaluation has it."""
    count = sum(map(sum, confusion))
    right = sum(row[at] for at, row in enumerate(confusion))
    taken = [sum(column) for column in zip(*confusion, strict=True)]
    classes = []
    for at, (name, row) in enumerate(zip(CLASSES, confusion, strict=True)):
        precision, recall = row[at] / taken[at], row[at] / sum(row)
        f1 = 2 * precision * recall / (precision + recall)
        classes.append(
            {"name": name, "precision": precision, "recall": recall, "f1": f1, "support": sum(row)}
        )
    accuracy = right / count
    overall = {
        "accuracy": accuracy,
        "accuracy_interval": [accuracy - 0.03, min(1.0, accuracy + 0.02)],
        "macro_f1": sum(one["f1"] for one in classes) / len(classes),
        "balanced_accuracy": sum(one["recall"] for one in classes) / len(classes),
        "log_loss": 2 * (1 - accuracy),
        "ece": (1 - accuracy) / 2,
        "count": count,
        "errors": count - right,
    }
    bins = ((0.4, 0.6, 0.52, 0.4, 10), (0.6, 0.8, 0.71, 0.75, 24), (0.8, 1.0, 0.97, 0.98, 146))
    names = ("low", "high", "confidence", "accuracy", "count")
    return {
        "overall": overall,
        "classes": classes,
        "confusion": [list(row) for row in confusion],
        "reliability": [dict(zip(names, one, strict=True)) for one in bins],
        "mistakes": [
            {"name": f"pets/{actual}/{at:04d}.jpg", "actual": actual, "predicted": predicted,
             "confidence": 0.97 - 0.06 * at}
            for at, (actual, predicted) in enumerate(
                (("dog", "bird"), ("dog", "cat"), ("cat", "dog"), ("dog", "bird"))
            )
        ],
    }  # fmt: skip


def picture_story(
    confusion: tuple[tuple[int, ...], ...] = BETTER, **changes: Any
) -> dict[str, Any]:
    """What deploy_flow records of a classifier.

    Args:
        confusion: What it takes for what.
        changes: `model_type`, `dataset`, `seed`, `epochs`.
    """
    curve = [
        {"round": at, "loss": 1.1 / at, "validation_loss": 1.0 / at + at / 60,
         "validation_accuracy": 1 - 0.5 / at}
        for at in range(1, 9)
    ]  # fmt: skip
    return {
        "training": {
            "data_type": "image",
            "model": {
                "model_type": changes.get("model_type", "CNN"),
                "height": 32, "width": 32, "channels": 3, "classes": list(CLASSES),
                "seed": changes.get("seed", 7),
                "hyperparameters": {"epochs": changes.get("epochs", 20), "init_lr": 0.005},
            },
            "dataset": changes.get("dataset", DATA_SET),
            "picture_fit": "pad",
            "pictures": {"training": 840, "validation": 180},
            "fit": {"seconds": 8.3, "rounds": 8, "best_round": 6, "curve": curve,
                    "leaderboard": [], "importance": {}},
            "refit": {"seconds": 6.1, "importance": {}},
            "environment": {"torch": "2.13.0"},
            "run": "bfc78964-f953-452d-bfb7-9ce5b821d681",
        },
        "evaluation": {
            "data_type": "image",
            "champion": None,
            "classes": list(CLASSES),
            "scores": {"candidate": scores(confusion), "MeanPicture": scores(WORSE)},
            "notes": [],
        },
        "gate": [
            {"name": "naive", "passed": True, "sentence": "7 of 180 told wrong is 0.26 of 27"}
        ],
        "forced": "",
        "deployed_by_run": "d6a1c0de-0000-4000-8000-000000000000",
    }  # fmt: skip


def told_pictures(now: float) -> list[dict[str, Any]]:
    """What `engine models --json` tells of two classifiers, the newest first."""
    worse = picture_story(WORSE, model_type="ResNet", seed=11, epochs=6)
    return [
        image_version(IMAGE_IDS[0], "CNN", now - 120, picture_story(), "champion"),
        image_version(IMAGE_IDS[1], "ResNet", now - 86000, worse, "previous"),
    ]


def image_version(
    id: str, model_type: str, created: float, lineage: dict[str, Any], alias: str | None = None
) -> dict[str, Any]:
    return {
        "id": id, "model_type": model_type, "data_type": "image", "created": created,
        "folder": f"/store/{id}", "lineage": lineage, "alias": alias, "summary": {},
    }  # fmt: skip


def deploy_classifier(workspace: Workspace, folder: Path) -> Version:
    """Store a model that tells colours with a story, and let it serve beside a forecaster."""
    store = VersionStore(workspace.central_storage)
    number = len(store.newest())
    bundle = make_picture_bundle(folder / f"pictures-{number}", side=16 + number)
    version = store.add(bundle, created=CREATED + 3600.0 * number, lineage=picture_story())
    aliases = AliasRegistry(workspace.central_storage, IMAGE)
    aliases.promote(version.id, expected=aliases.read().champion)
    return version


def image_champion(workspace: Workspace) -> str | None:
    """The version that the engine says is the champion of images."""
    return AliasRegistry(workspace.central_storage, IMAGE).read().champion


# Data


def listed_pictures(created: float) -> dict[str, Any]:
    """A row of `engine data list --json`."""
    return {
        "id": DATA_SET, "name": "pets", "created": created, "source": "data/pets",
        "source_format": "folder", "series": 0, "rows": 0, "first_day": "", "last_day": "",
        "bytes": 3_600_000, "problem": "", "data_type": "image", "pictures": 1200, "classes": 3,
        "is_latest": True,
    }  # fmt: skip


def shown_pictures() -> dict[str, Any]:
    """What `engine data show --json` tells of it."""
    quantiles = [float(at) for at in range(101)]
    feature = {"quantiles": quantiles, "mean": 51.5, "std": 12.25}
    sentences = ["1,203 pictures found in data/pets (folder)", "Class 'cat': 280 + 60 + 60"]
    return {
        "id": DATA_SET, "name": "pets", "data_type": "image", "is_latest": True,
        "source": {"name": "data/pets", "format": "folder"},
        "height": 32, "width": 32, "channels": 3, "fit": "pad", "classes": list(CLASSES),
        "parts": {"training": 840, "validation": 180, "test": 180},
        "counts": {
            "cat": {"training": 280, "validation": 60, "test": 60},
            "dog": {"training": 350, "validation": 75, "test": 75},
            "bird": {"training": 210, "validation": 45, "test": 45},
        },
        "report": {
            "sentences": sentences, "class_sentences": sentences[1:], "notes": [],
            "changes": [{"rule": "broken", "action": "skipped", "count": 3,
                         "spots": ["data/pets/cat/0007.jpg: the JPEG is cut off"]}],
        },
        "reference": {"features": dict.fromkeys(("brightness", "contrast", "red"), feature)},
    }  # fmt: skip


def drifted(verdict: str = "drifted") -> dict[str, Any]:
    """What `engine data drift --json` tells."""
    feature = {"name": "brightness", "mean": 91.0, "mean_then": 51.5, "psi": 0.612, "ks": 0.41,
               "chance": 0.08, "verdict": verdict}  # fmt: skip
    same = feature | {"name": "contrast", "mean": 51.9, "psi": 0.011, "verdict": "alike"}
    broken = {"message": "the PNG is cut off", "where": "new/7.png", "fix": "leave it out"}
    return {
        "dataset": DATA_SET, "training_pictures": 840, "files": 121, "pictures": 120,
        "broken": [broken], "verdict": verdict, "features": [feature, same],
    }  # fmt: skip


# Runs


def measured() -> dict[str, Any]:
    """The evaluation in the outputs of a run: the main numbers of each contender."""
    contenders = {"MeanPicture": WORSE, "candidate": BETTER, "champion": ((57, 2, 1), *BETTER[1:])}
    return {
        "data_type": "image", "model_type": "CNN", "classes": list(CLASSES),
        "scores": {name: scores(found)["overall"] for name, found in contenders.items()},
        "notes": [],
    }  # fmt: skip
