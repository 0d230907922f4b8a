"""LightGBM: gradient-boosted trees on features relative to the window."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.arrays import FloatArray, Panel, Windows
from models.base import MEDIAN, FitReport, Forecaster, Hyperparameters, Progress, bounded
from models.errors import ModelProblem
from models.forecasting.booster import Watch, booster_from, importance
from models.forecasting.windows import (
    SampleIndex,
    Samples,
    loss_scales,
    partly_unknown,
    split_samples,
)
from models.registry import register

if TYPE_CHECKING:
    from models.forecasting.features import TreeFeatures

_BOOSTER = "booster.txt"
_PREDICT_ROWS = 4096


@dataclass(frozen=True)
class LightGBMHyperparameters(Hyperparameters):
    """Defaults fit some hundred series of a year in well under a minute on one core."""

    rounds: int = bounded(400, low=1, high=100_000)
    """Most trees; early stopping may end sooner."""
    learning_rate: float = bounded(0.05, low=1e-5, high=1.0)
    """How much of each tree is added."""
    num_leaves: int = bounded(31, low=2, high=4096)
    """Most leaves a tree."""
    min_data_in_leaf: int = bounded(100, low=1, high=10_000_000)
    """Fewest (window, day ahead) rows a leaf."""
    feature_fraction: float = bounded(0.8, low=0.01, high=1.0)
    """Part of the features that each tree may use."""
    bagging_fraction: float = bounded(0.8, low=0.01, high=1.0)
    """Part of the rows that each tree sees."""
    l2_regularization: float = bounded(1.0, low=0.0, high=1e6)
    """L2 penalty on the leaves."""
    stopping_rounds: int = bounded(50, low=1, high=100_000)
    """Trees without a better validation loss before training stops."""
    max_samples: int = bounded(30_000, low=1, high=10_000_000)
    """Most windows learnt from, drawn evenly, so that training is bounded on large panels."""
    unknown_weekday_rate: float = bounded(0.1, low=0.0, high=1.0)
    """Part of the windows trained without their weekday, so that it may be unknown in use."""
    unknown_covariates_rate: float = bounded(0.1, low=0.0, high=0.5)
    """Part of the windows trained without covariates, so that they may be unknown in use.

    As many again lose those of the days to come.
    """
    unknown_days_rate: float = bounded(0.05, low=0.0, high=1.0)
    """Part of the windows trained with their last days only, so that series may be short in use."""


@register("LightGBM")
class LightGBM(Forecaster):
    """One booster for all days ahead; it predicts the distance from the mean of the weekday."""

    Hyperparameters = LightGBMHyperparameters
    _booster: Any = None

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Train; see the base class."""
        return self._train(history, validation_days, self._own().rounds, progress)

    def refit(self, history: Panel, report: FitReport, *, progress: Progress) -> FitReport:
        """Train anew on all days, for as many trees as `fit` found to be best."""
        return self._train(history, 0, report.best_round, progress)

    def _train(
        self, history: Panel, validation_days: int, rounds: int, progress: Progress
    ) -> FitReport:
        import lightgbm

        started = time.monotonic()
        self.remember(history)
        own = self._own()
        training, validation = split_samples(history, self.window, self.horizon, validation_days)
        scales = loss_scales(history, validation_days, self.objective)
        rng = np.random.default_rng(self.seed)
        learn = self._dataset(self._drawn(training, rng), scales)
        sets, unit = [], 1.0
        if validation is not None:
            sets = [self._dataset(validation.spread(own.max_samples), scales, learn)]
            unit = float(np.mean(sets[0].get_weight()))
        watch = Watch(rounds, own.stopping_rounds, unit, progress)
        try:
            booster = lightgbm.train(
                self._parameters(),
                learn,
                num_boost_round=rounds,
                valid_sets=sets,
                valid_names=["validation"] * len(sets),
                callbacks=[watch],
            )
        except lightgbm.basic.LightGBMError as error:
            raise ModelProblem(
                f"LightGBM cannot learn from this data: {error}",
                "Look for extreme values in the data.",
            ) from error
        best = watch.best_round or len(watch.curve)
        # Through text, so that a model in memory and a loaded one are the same numbers.
        self._booster = booster_from(booster.model_to_string(num_iteration=best))
        return FitReport(
            samples=len(training),
            validation_samples=len(validation) if validation else 0,
            rounds=len(watch.curve),
            best_round=best,
            best_loss=watch.best_loss if validation else None,
            seconds=time.monotonic() - started,
            curve=watch.curve,
            importance=importance(self._booster, self._module().names),
        )

    def _drawn(self, training: SampleIndex, rng: np.random.Generator) -> Samples:
        """What is learnt from, some of it without what it may lack in use."""
        own = self._own()
        drawn = training.draw(own.max_samples, rng)
        windows = partly_unknown(
            drawn.windows,
            weekday_rate=own.unknown_weekday_rate,
            covariates_rate=own.unknown_covariates_rate,
            days_rate=own.unknown_days_rate,
            rng=rng,
        )
        return Samples(windows, drawn.targets, drawn.rows)

    def answer(self, windows: Windows) -> FloatArray:
        """The next `horizon` days."""
        booster, parts = self._fitted(), []
        for begin in range(0, len(windows), _PREDICT_ROWS):
            part = windows.take(slice(begin, begin + _PREDICT_ROWS))
            rows, same_weekday, level, spread = self._features(part)
            residual = booster.predict(rows, num_threads=self.threads)
            parts.append(level + (same_weekday + residual.reshape(-1, self.horizon)) * spread)
        return np.concatenate(parts)

    def save_state(self, folder: Path) -> None:
        """Write the trees in LightGBM's text format."""
        text = self._fitted().model_to_string()
        (folder / _BOOSTER).write_text(text, encoding="utf-8")

    def load_state(self, folder: Path) -> None:
        """Read the trees."""
        try:
            text = (folder / _BOOSTER).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelProblem(f"the trees in {folder} cannot be read: {error}") from error
        self._booster = booster_from(text)

    def export_onnx(self, path: Path) -> None:
        """The features as traced, then the trees, then back to units."""
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        from models.forecasting.onnx_files import OUTPUT, export_network
        from models.forecasting.trees import tree_ensemble
        from models.onnx_graphs import save_graph

        with tempfile.TemporaryDirectory() as scratch:
            traced = Path(scratch) / "features.onnx"
            outputs = ("rows", "same_weekday", "level", "spread")
            export_network(
                self._module().eval(),
                traced,
                window=self.window,
                horizon=self.horizon,
                covariates=len(self.covariates),
                outputs=outputs,
            )
            graph = onnx.load(traced).graph
        shape = np.array([-1, self.horizon], dtype=np.int64)
        graph.initializer.append(numpy_helper.from_array(shape, "answer_shape"))
        graph.node.extend(
            [
                tree_ensemble(self._fitted(), "rows", "residual_float"),
                helper.make_node("Cast", ["residual_float"], ["residual"], to=TensorProto.DOUBLE),
                helper.make_node("Reshape", ["residual", "answer_shape"], ["residual_days"]),
                helper.make_node("Add", ["same_weekday", "residual_days"], ["relative"]),
                helper.make_node("Mul", ["relative", "spread"], ["distance"]),
                helper.make_node("Add", ["level", "distance"], [OUTPUT]),
            ]
        )
        del graph.output[:]
        graph.output.append(
            helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, ["n", self.horizon])
        )
        save_graph(graph, path)

    def _own(self) -> LightGBMHyperparameters:
        assert isinstance(self.hyperparameters, LightGBMHyperparameters)
        return self.hyperparameters

    def _fitted(self) -> Any:
        if self._booster is None:
            raise ModelProblem("this LightGBM has not been fitted", "Call fit or load first.")
        return self._booster

    def _parameters(self) -> dict[str, Any]:
        own = self._own()
        return {
            "objective": "l1" if self.objective == MEDIAN else "l2",
            "learning_rate": own.learning_rate,
            "num_leaves": own.num_leaves,
            "min_data_in_leaf": own.min_data_in_leaf,
            "feature_fraction": own.feature_fraction,
            "bagging_fraction": own.bagging_fraction,
            "bagging_freq": 1,
            "lambda_l2": own.l2_regularization,
            # LightGBM keeps it in a signed 32-bit number.
            "seed": self.seed % 2**31,
            "num_threads": self.threads,
            "deterministic": True,
            "force_col_wise": True,
            "feature_pre_filter": False,
            # No feature is ever missing, and a plain comparison is what ONNX can express.
            "use_missing": False,
            "verbosity": -1,
        }

    def _module(self) -> TreeFeatures:
        from models.forecasting.features import TreeFeatures

        return TreeFeatures(self.window, self.horizon, self.covariates)

    def _features(self, windows: Windows) -> tuple[FloatArray, ...]:
        import torch

        from models.networks.seeding import limited_threads

        inputs = [torch.tensor(windows.values), torch.tensor(windows.weekday)]
        if count := len(self.covariates):
            inputs.append(torch.tensor(windows.known_covariates(count, self.horizon)))
        with torch.inference_mode(), limited_threads(self.threads):
            table = self._module()(*inputs)
        return tuple(tensor.numpy() for tensor in table)

    def _dataset(self, samples: Samples, scales: FloatArray, like: Any = None) -> Any:
        """Rows whose weight makes the loss count every series' own difficulty the same.

        The trees learn in units of the window's spread; |error in units| / scale of the series is
        the weight spread / scale times |error in spreads| (squared for L2).
        """
        import lightgbm

        rows, same_weekday, level, spread = self._features(samples.windows)
        moves = spread > 0
        relative = np.where(moves, (samples.targets - level) / np.where(moves, spread, 1.0), 0.0)
        label = (relative - same_weekday).ravel()
        if np.abs(label).max(initial=0.0) > np.finfo(np.float32).max:
            raise ModelProblem(
                "a value is so far from those before it that LightGBM cannot hold the distance",
                "Look for extreme values in the data.",
            )
        weight = spread / scales[samples.rows, None]
        weight = weight if self.objective == MEDIAN else weight**2
        if not weight.any():
            # Nothing moves, so every label is 0; LightGBM needs weights that add up to something.
            weight = np.ones_like(weight)
        return lightgbm.Dataset(
            rows,
            label=label,
            weight=np.repeat(weight.ravel(), self.horizon),
            reference=like,
            params=self._parameters(),
        )
