"""Forecasts of all our model types beside AutoETS, AutoCES and neuralforecast's LSTM.

Protocol: `_forecasting_protocol.py`. The peers, which `make bench` installs into an environment of
their own, run in the same call, on the same days, and are scored by the same scorer. Training
speed is measured in turns, one thread each, in processor time, so that what else runs counts for
neither.

    python benchmarks/forecasting.py [--data demo | sample | FILE] [--types LSTM,LightGBM] [--json]
        [--stock LSTM] [--rule gaps=zero] [--quick] [--skip-peers] [--peers-json FILE]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from _claims import Claim, at_least, at_most, beside, compared, measured, parser_of, report, within
from _forecasting_peers_process import DEFAULT_PYTHON, Peers, PeersProblem, about, arrays
from _forecasting_protocol import (
    DEMO,
    Comparison,
    Measured,
    create,
    measure_forecasts,
    measure_ours,
    read_panel,
)

from engine.config.series_settings import DatasetRules
from engine.errors import EngineError
from models import registry
from models.base import MEDIAN, STOCK, ModelProblem

NAIVE, BLEND = "SeasonalNaive", "auto"
NETWORKS = ("LSTM", "GRU", "BiLSTM", "Conv1D-BiLSTM")
STOCK_TYPES = ("LSTM", "LightGBM", "ETS", "Theta", BLEND)
ETS, CES, NETWORK = "AutoETS", "AutoCES", "neuralforecast LSTM"

NETWORK_MASE, LEAST_COVERAGE, MOST_COVERAGE, MOST_BIAS = 0.81, 0.77, 0.85, 0.10
SPEED_RATIO, BLEND_SECONDS, ANSWER_SECONDS = 1.4, 300.0, 0.1
SPEED_UNITS, SPEED_LAYERS, SPEED_BATCH, SPEED_TIMES = 32, 1, 256, 3
SPEED_STEPS, SPEED_SKIPPED = 240, 48

QUICK_SERIES = 20
QUICK = {"epochs": 2, "samples_per_epoch": 1000, "rounds": 30, "trials": 2, "time_budget": 5}


@dataclass(frozen=True)
class Known:
    """What is known of a data set.

    Args:
        naive: MASE of the seasonal naive forecast, to three digits: holds the protocol.
        blend: What `auto` should reach.
    """

    naive: float
    blend: float


KNOWN = {
    DEMO: Known(1.059, 0.80),
    "complete_journey_200": Known(1.059, 0.80),
    "online_retail_200": Known(1.129, 0.79),
}


@dataclass(frozen=True)
class Plan:
    """What is measured, and against what.

    Args:
        comparison: Data and origins.
        known: What is known of the data; None for other data, or a part of them.
        hparams: Hyperparameters that differ from the defaults.
        folder: For bundles.
        peers: What the peers reached by name; the seasonal naive forecast is always among them.
        quick: Whether budgets are so small that no goal means anything.
    """

    comparison: Comparison
    known: Known | None
    hparams: Mapping[str, object]
    folder: Path
    peers: dict[str, Measured]
    quick: bool

    def peer(self, *names: str) -> tuple[str, Measured]:
        """The first of these peers that was measured, else the seasonal naive forecast."""
        found = next((key for name in names for key in self.peers if key.startswith(name)), NAIVE)
        return found, self.peers[found]

    def best_peer(self) -> tuple[str, Measured]:
        """The peer with the lowest MASE."""
        return min(self.peers.items(), key=lambda item: item[1].mase)


def measure_naive(plan: Plan) -> Iterator[Claim]:
    """The seasonal naive forecast, whose MASE says whether the protocol is the known one."""
    plan.peers[NAIVE] = found = _ours(plan, NAIVE, MEDIAN)
    if plan.known is None:
        yield measured(f"{NAIVE} MASE", found.mase, "")
        return
    ok = round(found.mase, 3) == plan.known.naive
    goal = f"= {plan.known.naive}"
    yield Claim(f"{NAIVE} MASE", round(found.mase, 4), "", goal, "", None, ok)


def measure_peers(plan: Plan, peers: Peers) -> Iterator[Claim]:
    """What the peers reach; no goal but to be known."""
    data = about(plan.comparison)
    jobs = os.cpu_count() or 1
    # Only one of them is asked for intervals: the other's are simulated, which takes long.
    for name, intervals in ((ETS, True), (CES, False)):
        answer = peers.ask("statistics", model=name, intervals=intervals, jobs=jobs, **data)
        ends = {part: arrays(answer, part) for part in ("lower", "upper")}
        found = measure_forecasts(
            plan.comparison, arrays(answer, "forecast"), seconds=answer["seconds"], **ends
        )
        plan.peers[name + peers.mark] = found
        yield from _of_peer(name + peers.mark, found, plan)
    own = create("LSTM", objective=MEDIAN, hparams=plan.hparams).hyperparameters
    budget = own.epochs * own.samples_per_epoch  # type: ignore[attr-defined]
    steps = -(-budget // SPEED_BATCH)
    answer = peers.ask("network", steps=steps, batch=SPEED_BATCH, **data)
    found = measure_forecasts(
        plan.comparison, arrays(answer, "forecast"), seconds=answer["seconds"]
    )
    plan.peers[NETWORK + peers.mark] = found
    yield from _of_peer(NETWORK + peers.mark, found, plan)


def _of_peer(name: str, found: Measured, plan: Plan) -> Iterator[Claim]:
    naive = plan.peers[NAIVE]
    yield compared(f"{name} MASE", found.mase, "", NAIVE, naive.mase)
    yield compared(f"{name} RMSSE", found.rmsse, "", NAIVE, naive.rmsse)
    yield compared(f"{name} bias", found.bias, "", NAIVE, naive.bias)
    if found.intervals and naive.intervals:
        theirs = vars(naive.intervals)
        for part, value in vars(found.intervals).items():
            yield compared(f"{name} {part} of 80 %", value, "", NAIVE, theirs[part])
    yield measured(f"{name} seconds", found.seconds, "s")


def measure_type(plan: Plan, name: str) -> Iterator[Claim]:
    """A model type with the objective `median`: error, intervals, time."""
    found = _ours(plan, name, MEDIAN)
    yield _mase_claim(plan, name, found.mase)
    peer, other = plan.peer(ETS)
    assert found.intervals and other.intervals and found.answer_seconds is not None
    own, theirs = found.intervals, other.intervals
    limits = (LEAST_COVERAGE, MOST_COVERAGE)
    yield within(f"{name} coverage of 80 %", own.coverage, "", *limits, peer, theirs.coverage)
    yield beside(f"{name} width of 80 %", own.width, "units", peer, theirs.width)
    # A narrow interval that holds too little is no better.
    yield compared(f"{name} score of 80 %", own.score, "units", peer, theirs.score)
    took = f"{name} training"
    if name == BLEND:
        yield at_most(took, found.seconds, "s", BLEND_SECONDS, "", None)
    else:
        yield measured(took, found.seconds, "s")
    question = f"{name} bundle, 200 series x 7 days"
    yield at_most(question, found.answer_seconds, "s", ANSWER_SECONDS, "", None)


def _mase_claim(plan: Plan, name: str, mase: float) -> Claim:
    claim = f"{name} MASE"
    if name == BLEND:
        peer, other = plan.best_peer()
        goal = plan.known.blend if plan.known else None
    else:
        peer, other = plan.peer(NETWORK if name in NETWORKS else ETS)
        goal = NETWORK_MASE if plan.known and name in NETWORKS else None
    if goal is None:
        return beside(claim, mase, "", peer, other.mase)
    return at_most(claim, mase, "", goal, peer, other.mase)


def measure_stock(plan: Plan, name: str) -> Iterator[Claim]:
    """A model type with the objective `stock`: an unbiased mean."""
    found = _ours(plan, name, STOCK)
    peer, other = plan.peer(ETS)
    label = f"{name}, objective stock"
    yield at_most(f"{label}: |bias|", abs(found.bias), "", MOST_BIAS, peer, abs(other.bias))
    yield beside(f"{label}: RMSSE", found.rmsse, "", peer, other.rmsse)


def measure_speed(plan: Plan, peers: Peers) -> Claim:
    """Windows that an LSTM learns from in a second of processor time, ours and the peer's."""
    data = about(plan.comparison)
    sizes = {"units": SPEED_UNITS, "layers": SPEED_LAYERS, "batch": SPEED_BATCH}
    steps = {"steps": SPEED_STEPS, "skipped": SPEED_SKIPPED}
    ours, theirs = [], []
    for number in range(1 if plan.quick else SPEED_TIMES):
        ours.append(_our_speed(plan))
        answer = peers.ask("network_speed", number=number, **sizes, **steps, **data)
        theirs.append(answer["samples_a_second"])
    one, other = statistics.median(ours), statistics.median(theirs)
    label = f"{NETWORK}{peers.mark}, samples/s"
    claim = f"LSTM training ({one:,.0f} samples/s) beside the peer's"
    return at_least(claim, one / other, "x", SPEED_RATIO, label, other)


def _our_speed(plan: Plan) -> float:
    """Samples a second of processor time, from the end of the first epoch to that of the last."""
    epochs = 1 + SPEED_STEPS // SPEED_SKIPPED
    model = create(
        "LSTM",
        objective=MEDIAN,
        hparams={
            "lstm_units": SPEED_UNITS,
            "lstm_layers": SPEED_LAYERS,
            "batch_size": SPEED_BATCH,
            "epochs": epochs,
            "samples_per_epoch": SPEED_SKIPPED * SPEED_BATCH,
        },
    )
    ends: list[float] = []
    found = model.fit(
        plan.comparison.history,
        validation_days=0,
        progress=lambda *_, **__: ends.append(time.process_time()),
    )
    an_epoch = min(found.samples, SPEED_SKIPPED * SPEED_BATCH)
    return an_epoch * (epochs - 1) / (ends[-1] - ends[0])


def _ours(plan: Plan, name: str, objective: str) -> Measured:
    def told(kind: str, done: int, total: int, **_: float) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{name}: {kind} {done} of {total}", end="", file=sys.stderr, flush=True)

    folder = plan.folder / f"{name}-{objective}"
    found = measure_ours(
        name, plan.comparison, folder, objective=objective, hparams=plan.hparams, progress=told
    )
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return found


def measure(plan: Plan, arguments: argparse.Namespace, peers: Peers | None) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    yield from measure_naive(plan)
    if peers is not None:
        yield from measure_peers(plan, peers)
        yield measure_speed(plan, peers)
    # The blend last: it takes longest.
    for name in sorted(arguments.types, key=lambda name: name == BLEND):
        if name != NAIVE:
            yield from measure_type(plan, name)
        if name in arguments.stock:
            yield from measure_stock(plan, name)


def chosen(text: str | None, default: Sequence[str]) -> tuple[str, ...]:
    """Model types by name; all of the default's that are registered when none are named.

    Raises:
        ModelProblem: A name that is not registered.
    """
    if text is None:
        return tuple(name for name in default if name in registry.names())
    names = tuple(name for name in text.split(",") if name)
    for name in names:
        registry.get(name)
    return names


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, checked."""
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", default=DEMO, help="demo (real), sample (generated) or a file unique_id, ds, y")
    add(
        "--rule",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a rule of data_flow, such as gaps=zero",
    )
    add("--types", help="model types, with commas; default: all that are registered")
    add("--stock", help=f"those measured with objective stock; default: {','.join(STOCK_TYPES)}")
    add("--quick", action="store_true", help="few series, small budgets, no goals: a smoke test")
    add("--skip-peers", action="store_true", help="seasonal naive is the only peer then")
    add("--peers", type=Path, default=DEFAULT_PYTHON, help="interpreter that has the peers")
    add("--peers-json", type=Path, metavar="FILE", help="keep their answers, or take them from it")
    arguments = parser.parse_args(argv)
    try:
        arguments.types = chosen(arguments.types, registry.names())
        arguments.stock = chosen(arguments.stock, STOCK_TYPES)
        rules = dict(text.split("=", 1) for text in arguments.rule)
        arguments.rules = DatasetRules.model_validate(rules)
    except (ModelProblem, ValueError) as problem:
        parser.error(str(problem))
    return arguments


def run(arguments: argparse.Namespace, folder: Path, peers: Peers | None) -> int:
    """Read the data, measure, print; exit status 1 when a goal is missed."""
    series = QUICK_SERIES if arguments.quick else None
    panel = read_panel(arguments.data, folder, arguments.rules, series)
    known = registry.hyperparameter_names()
    plan = Plan(
        comparison=Comparison(panel),
        known=None if arguments.quick else KNOWN.get(Path(arguments.data).stem),
        hparams={name: QUICK[name] for name in QUICK if name in known} if arguments.quick else {},
        folder=folder,
        peers={},
        quick=arguments.quick,
    )
    claims = measure(plan, arguments, peers)
    if plan.quick:
        claims = (replace(claim, goal="", ok=True) for claim in claims)
    return max(report([claim], as_json=arguments.json) for claim in claims)


def main() -> int:
    """Measure and print; exit status 1 when a goal is missed."""
    arguments = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            if arguments.skip_peers:
                return run(arguments, folder, None)
            with Peers(arguments.peers, arguments.peers_json) as peers:
                return run(arguments, folder, peers)
        except (EngineError, ModelProblem, PeersProblem) as problem:
            sys.exit(f"error: {problem}")


if __name__ == "__main__":
    sys.exit(main())
