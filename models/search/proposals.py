"""What a search tries next: the defaults of every type first, then variants of what helps.

A proposal depends on the seed, on its number and on outcomes that it is given, and which these are
depends on its number alone. So it is the same however long each trial took and whoever did it.

Variants are proposed by TPE, the tree-structured Parzen estimator (Bergstra et al., 2011,
"Algorithms for hyper-parameter optimization"), as Optuna has it. Which type gets the next one is
decided as seats are given in a parliament (D'Hondt's method): by the weight that the types have in
the blend so far.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models import registry
from models.hyperparameters import Hyperparameters
from models.search.ensemble import leaning
from models.search.judging import Estimate, Judge, Residuals
from models.search.search_space import Choices, Range, search_space
from models.search.trials import Outcome, Trial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True, eq=False)
class Judged:
    """A trial that ended.

    Args:
        outcome: How.
        residuals: Of its answers to the validation examples; None when it failed.
        score: Of these; None when it failed.
    """

    outcome: Outcome
    residuals: Residuals | None
    score: Estimate | None

    @property
    def number(self) -> int:
        """Of the trial."""
        return self.outcome.trial.number


class Proposals:
    """Proposes trials 0, 1, 2 ... in order.

    Args:
        hparams: Configured hyperparameters of any types; what differs from a default is kept.
        judge: Tells which types the blend leans on.
        data_type: What the models are for.
        members: Most members of the blend.
        seed: Of the search; the defaults are tried with it as their own.
        without: Types that are not tried.
    """

    def __init__(
        self,
        hparams: Mapping[str, object],
        judge: Judge,
        *,
        data_type: str,
        members: int,
        seed: int,
        without: Sequence[str],
    ) -> None:
        self._judge = judge
        self._data_type = data_type
        self._members = members
        self._seed = seed
        self._starts: dict[str, Hyperparameters] = {}
        for name in registry.names(data_type):
            kind = self._kind(name)
            own = {key: value for key, value in hparams.items() if key in kind.names()}
            if name not in without:
                self._starts[name] = kind.parse(own)
        self._order = sorted(self._starts, key=self._cost)
        self._proposed: Counter[str] = Counter()

    @property
    def defaults(self) -> int:
        """How many proposals depend on no outcome."""
        return len(self._order)

    def propose(self, number: int, told: Sequence[Judged]) -> Trial | None:
        """The trial of this number.

        Args:
            number: One more than that of the proposal before.
            told: The trials whose outcome it may depend on, in the order of their numbers.

        Returns:
            The trial; None when there is nothing left that is worth trying.
        """
        if number < len(self._order):
            name = self._order[number]
            trial = Trial(number, name, asdict(self._starts[name]), self._seed)
        else:
            done = [one for one in told if one.residuals is not None]
            chosen = self._next_type(done)
            if chosen is None:
                return None
            trial = self._variant(number, chosen, done)
        self._proposed[trial.model_type] += 1
        return trial

    def _next_type(self, done: Sequence[Judged]) -> str | None:
        """The type with the most weight in the blend so far for each trial that it had."""
        varied = [one for one in done if self._can_vary(one)]
        if not varied:
            return None
        residuals = np.stack([_residuals(one) for one in done])
        weights = leaning(self._judge, residuals, members=self._members)
        shares: defaultdict[str, float] = defaultdict(float)
        for one, weight in zip(done, weights.tolist(), strict=True):
            if self._can_vary(one):
                shares[one.outcome.trial.model_type] += weight
        if not any(shares.values()):
            best = min(varied, key=_score)
            shares[best.outcome.trial.model_type] = 1.0
        return max(sorted(shares), key=lambda name: shares[name] / (self._proposed[name] + 1))

    def _variant(self, number: int, name: str, done: Sequence[Judged]) -> Trial:
        """Another trial of a type: its best so far with another seed, and by turns a new one."""
        own = [one for one in done if one.outcome.trial.model_type == name]
        sequence = np.random.SeedSequence([self._seed, number])
        seed, sampler_seed = (int(part) for part in sequence.generate_state(2))
        best = min(own, key=_score).outcome.trial.hyperparameters
        if self._proposed[name] % 2 == 1 and not _ignores_its_seed(own):
            return Trial(number, name, best, seed)
        return Trial(number, name, best | self._sampled(name, own, sampler_seed), seed)

    def _sampled(self, name: str, own: Sequence[Judged], seed: int) -> dict[str, Any]:
        """Hyperparameters that TPE proposes after what came of the others of the type."""
        import optuna

        space = {
            key: _distribution(values)
            for key, values in search_space(self._kind(name), self._starts[name]).items()
        }
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=1)
        study = optuna.create_study(sampler=sampler)
        for one in own:
            values = one.outcome.trial.hyperparameters
            study.add_trial(
                optuna.trial.create_trial(
                    params={key: values[key] for key in space},
                    distributions=space,
                    value=_score(one),
                )
            )
        return study.ask(space).params

    def _kind(self, name: str) -> type[Hyperparameters]:
        return registry.model_class(name, self._data_type).Hyperparameters

    def _can_vary(self, one: Judged) -> bool:
        """Whether a trial's type has anything that is worth trying; one without is tried once."""
        kind = self._kind(one.outcome.trial.model_type)
        return bool(search_space(kind, kind()))

    def _cost(self, name: str) -> tuple[bool, int, str]:
        """Cheap types first: what has nothing to choose learns little; with epochs it is long."""
        names = self._kind(name).names()
        return "epochs" in names, len(names), name


def _distribution(values: Range | Choices) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(values, Choices):
        return CategoricalDistribution(values.values)
    if values.is_whole:
        return IntDistribution(int(values.low), int(values.high), log=values.is_log)
    return FloatDistribution(values.low, values.high, log=values.is_log)


def _score(one: Judged) -> float:
    assert one.score is not None, "only trials that were done are compared"
    return one.score.value


def _residuals(one: Judged) -> Residuals:
    assert one.residuals is not None, "only trials that were done are compared"
    return one.residuals


def _ignores_its_seed(own: Sequence[Judged]) -> bool:
    """Whether two trials of a type that differ in nothing but the seed answer the same."""
    for index, one in enumerate(own):
        for other in own[:index]:
            same = one.outcome.trial.hyperparameters == other.outcome.trial.hyperparameters
            if same and np.array_equal(_residuals(one), _residuals(other)):
                return True
    return False
