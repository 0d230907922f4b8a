"""Classifiers of pictures: accuracy and time on the digits of scikit-learn, beside an SVC.

Everything is as in `engine run full_flow --data-type image`: the same pictures, split, network and
settings. The test pictures are few, so the same is measured on further splits, too.

    python benchmarks/images.py [--model-type CNN] [--splits 5] [--json]
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _claims import Claim, at_least, at_most, measured, parser_of, report

from engine.config.image_settings import ImageDatasetSettings, ImageSplitSettings
from engine.data.images.dataset import ImageDataset, write_image_dataset
from engine.data.images.loading import load_data
from engine.data.images.rules import validate_pictures
from models import registry
from models.imaging.evaluation import evaluate
from models.imaging.pictures import Pictures
from models.learner import no_progress

SEEDS = (7, 8, 9)
PEER = "SVC (RBF, C 10, gamma 0.001 on 0..16)"
BEST_GAMMA, BEST_C, DARKEST = 0.001, 10.0, 16
MOST_SECONDS, LEAST_ACCURACY = 15.0, 0.993


@dataclass(frozen=True)
class Trained:
    """One training, measured on the test part."""

    errors: int
    count: int
    ece: float
    seconds: float
    cpu_seconds: float

    @property
    def accuracy(self) -> float:
        """Part that was told right."""
        return 1 - self.errors / self.count


def digits(folder: Path, split_seed: int) -> ImageDataset:
    """The bundled digits as data_flow leaves them."""
    settings = ImageDatasetSettings(split=ImageSplitSettings(seed=split_seed))
    clean = validate_pictures(load_data(settings, root=folder), settings)
    return write_image_dataset(clean, settings=settings, datasets_dir=folder)


def trained(data: ImageDataset, model_type: str, seed: int) -> Trained:
    """Fit, calibrate and fit once more, as train_flow does."""
    height, width, channels = data.shape
    model = registry.create_classifier(
        model_type,
        height=height,
        width=width,
        channels=channels,
        classes=data.classes,
        seed=seed,
        threads=0,
        hparams={},
    )
    began, cpu_began = time.perf_counter(), _cpu_seconds()
    fitted = model.fit(data.training(), data.validation(), progress=no_progress)
    model.calibrate(data.validation())
    model.refit(data.training(), data.validation(), fitted, progress=no_progress)
    seconds, cpu_seconds = time.perf_counter() - began, _cpu_seconds() - cpu_began
    test = data.test()
    scores = evaluate(model.predict(test.pixels), test.labels, data.classes)
    return Trained(scores.errors, scores.count, scores.ece, seconds, cpu_seconds)


def errors_of_svc(data: ImageDataset) -> int:
    """What the support vector machine of the literature tells wrong, trained on the same pictures.

    It has no use for validation pictures, and learns from these, too.
    """
    from sklearn.svm import SVC

    learnt, test = data.training().followed_by(data.validation()), data.test()
    machine = SVC(C=BEST_C, gamma=BEST_GAMMA).fit(_flat(learnt), learnt.labels)
    return int(np.count_nonzero(machine.predict(_flat(test)) != test.labels))


def _flat(pictures: Pictures) -> np.ndarray:
    return pictures.pixels.reshape(len(pictures), -1) * (DARKEST / 255)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def claims(model_type: str, splits: int) -> Iterator[Claim]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = digits(folder, 0)
        trained(data, model_type, SEEDS[0])  # what is imported then is none of the training's time
        runs = [trained(data, model_type, seed) for seed in SEEDS]
        of_svc = 1 - errors_of_svc(data) / runs[0].count
        what = f"digits: {model_type}, accuracy, median of {len(SEEDS)} seeds"
        accuracy = statistics.median(run.accuracy for run in runs)
        yield at_least(what, accuracy, "", LEAST_ACCURACY, PEER, of_svc)
        what = f"digits: {model_type}, training with refit, median"
        seconds = statistics.median(run.seconds for run in runs)
        cpu = statistics.median(run.cpu_seconds for run in runs)
        yield at_most(what, seconds, "s", MOST_SECONDS, "processor seconds", cpu)
        what = f"digits: {model_type}, expected calibration error, median"
        yield measured(what, statistics.median(run.ece for run in runs), "")
        if splits:
            yield _on_other_splits(folder, model_type, splits)


def _on_other_splits(folder: Path, model_type: str, splits: int) -> Claim:
    errors = peer_errors = count = 0
    for split_seed in range(1, splits + 1):
        data = digits(folder, split_seed)
        run = trained(data, model_type, SEEDS[0])
        errors, count = errors + run.errors, count + run.count
        peer_errors += errors_of_svc(data)
    what = f"digits: {model_type}, accuracy over {splits} further splits ({count} test pictures)"
    return at_least(what, 1 - errors / count, "", LEAST_ACCURACY, PEER, 1 - peer_errors / count)


def main() -> int:
    """Measure and print."""
    parser = parser_of(__doc__)
    parser.add_argument("--model-type", default="CNN", help="which classifier")
    parser.add_argument("--splits", type=int, default=5, help="further splits to measure on")
    arguments = parser.parse_args()
    found = list(claims(arguments.model_type, arguments.splits))
    return report(found, as_json=arguments.json)


if __name__ == "__main__":
    raise SystemExit(main())
