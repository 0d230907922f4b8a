from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtests.request import Request, make_request
from engine.backtests.store import BacktestStore
from engine.data.dataset import Dataset, open_dataset
from engine.locks import FileLock
from engine.processes import start_mark
from engine.store import AliasRegistry, Version, VersionStore
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from models import registry
from models.base import no_progress
from models.forecasting.backtest import Backtest, rolling_origin
from models.forecasting.fitting import Fitting
from tests.own_registry import use_own_registry
from tests.unit.cli.conftest import Answer, EngineCommand
from tests.unit.deployments import lineage, make_bundle, prepare_dataset

NAIVE = "SeasonalNaive"
FEW_TREES = (
    *("--set", "train.hparams.rounds=3", "--set", "train.hparams.max_samples=60"),
    *("--set", "train.hparams.min_data_in_leaf=5"),
)
PLUGIN = """
import os
from pathlib import Path
from models.errors import ModelProblem
from models.forecasting.naive import SeasonalNaive
from models.registry import register

TOLD = Path(__file__).with_suffix(".told")

@register("Puppet")
class Puppet(SeasonalNaive):
    def fit(self, history, *, validation_days, progress):
        with TOLD.open("a") as file:
            file.write(f"{history.days}\\n")
        if Path(__file__).with_suffix(".diverges").exists():
            raise ModelProblem("the loss is not a number", "Lower the learning rate.")
        if Path(__file__).with_suffix(".interrupted").exists():
            raise KeyboardInterrupt
        progress("epoch", 1, 2, loss=0.5)
        return super().fit(history, validation_days=validation_days, progress=progress)

    def answer(self, windows):
        return super().answer(windows) + 1
"""


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of the tests keeps its priority."""
    monkeypatch.setattr(os, "setpriority", lambda *_: None)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("prepared")
    return prepare_dataset(Workspace(folder / "workspace").create(), folder)


@pytest.fixture
def dataset(workspace: Workspace, prepared: Dataset) -> Dataset:
    shutil.copytree(prepared.folder, workspace.datasets / prepared.id)
    Handoffs(workspace.database).leave("dataset", prepared.id, "a-run")
    return open_dataset(workspace.datasets, prepared.id)


@pytest.fixture
def run(command: EngineCommand, dataset: Dataset) -> Callable[..., Answer]:
    """`engine backtest run ...` with a window that the small data set has room for."""
    return lambda *words: command("backtest", "run", "--window", "14", *words)


class Puppet:
    """A model type of the user's own whose trainings are counted and can be made to fail."""

    def __init__(self, workspace: Workspace) -> None:
        self.path = workspace.root / "puppet.py"
        self.path.write_text(PLUGIN)
        self.options = ("Puppet", "--set", "model.plugins=[puppet.py]")

    def do(self, what: str, *, again: bool = False) -> None:
        mark = self.path.with_suffix(f".{what}")
        mark.unlink() if again else mark.touch()

    @property
    def trained_on(self) -> list[int]:
        """Days of history of each training."""
        told = self.path.with_suffix(".told")
        return [int(line) for line in told.read_text().split()] if told.exists() else []


@pytest.fixture
def puppet(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Puppet:
    use_own_registry(monkeypatch)
    return Puppet(workspace)


def deploy(workspace: Workspace, bundle: Path, last_day_seen: str) -> Version:
    story = lineage()
    story["training"]["last_day_seen"] = last_day_seen
    version = VersionStore(workspace.central_storage).add(bundle, created=1.0, lineage=story)
    AliasRegistry(workspace.central_storage).promote(version.id, expected=None)
    return version


def by_hand(dataset: Dataset, *, folds: int = 4, **create: Any) -> Backtest:
    """What a backtest of seasonal naive must come to, without the engine's part."""
    panel = dataset.panel()
    first = panel.days - 7 - (folds - 1) * 7
    model = registry.create(
        NAIVE, **{"window": 14, "horizon": 7, "seed": 7, "threads": 1, "hparams": {}, **create}
    )
    Fitting(panel.until(first), 28).whole(model, refit=True, progress=no_progress)
    return rolling_origin(
        panel,
        model.predict,
        window=14,
        horizon=7,
        first_origin=first,
        folds=folds,
        step_days=7,
        calibration=model.calibration,
        level=0.8,
    )


def test_seasonal_naive_comes_to_what_the_models_say(
    run: Callable[..., Answer], dataset: Dataset, workspace: Workspace
) -> None:
    data = run(NAIVE, "--json").json

    expected = by_hand(dataset)
    (naive,) = data["contenders"]
    assert (naive["name"], naive["kind"], naive["rank"]) == (NAIVE, "baseline", 1)
    assert naive["scores"] == vars(expected.overall())
    assert naive["folds"] == expected.summary()["folds"]
    assert naive["ahead"] == expected.summary()["ahead"]
    np.testing.assert_array_equal(naive["series"]["mase"], expected.series_scores()["mase"])
    assert (data["dataset"], data["series"]) == (dataset.id, list(dataset.ids))
    days = [dataset.day(dataset.split.days - 28 + 7 * at).isoformat() for at in range(4)]
    assert data["origins"] == days
    assert data["last_day_seen"] == dataset.day(dataset.split.days - 29).isoformat()
    assert (data["state"], data["metric"], data["notes"]) == ("finished", "mase", [])
    stored = workspace.backtests / data["id"] / "backtest.json"
    assert json.loads(stored.read_text()) == data


def test_a_type_is_ranked_beside_seasonal_naive_and_drawn(
    command: EngineCommand, run: Callable[..., Answer]
) -> None:
    answer = run("LightGBM", "--name", "few trees", *FEW_TREES)

    assert answer.code == 0
    assert "LightGBM: completed in" in answer.err
    lines = answer.out.splitlines()
    assert "(few trees): rolling origin, 4 folds x 7 days" in lines[0]
    assert " ".join(lines[2].split()) == "MASE 95 % RMSSE WAPE BIAS COVERAGE WIDTH SECONDS"
    assert {lines[3].split()[1], lines[4].split()[1]} == {"LightGBM", NAIVE}
    assert "3 series are too few" in lines[5]
    assert "MASE by days ahead" in answer.out
    assert max(map(len, lines)) <= 100
    data = command("backtest", "show", "--json").json
    trees = next(one for one in data["contenders"] if one["name"] == "LightGBM")
    assert trees["hyperparameters"]["rounds"] == 3
    assert trees["seconds"] > 0
    assert len(trees["ahead"]) == 7
    assert command("backtest", "show").out == answer.out


def test_without_unicode_the_tables_and_curves_are_ascii(
    run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.cli.backtest_report.wants_ascii", lambda: True)

    assert run(NAIVE).out.isascii()


def test_settings_come_from_the_same_layers_as_a_training(
    run: Callable[..., Answer], workspace: Workspace, dataset: Dataset
) -> None:
    (workspace.configs / "train_flow_config.yaml").write_text(
        "flow_module: train_flow\ntrain: {seed: 11, refit: false}\nmodel: {objective: stock}\n"
    )
    (workspace.configs / "eval_flow_config.yaml").write_text(
        "flow_module: eval_flow\nevaluate: {folds: 2, level: 90}\n"
    )

    data = run(NAIVE, "--step-days", "5", "--set", "evaluate.season=14", "--json").json
    other = run(NAIVE, "--seed", "3", "--folds", "3", "--level", "50", "--json").json

    options = {"folds": 2, "step_days": 5, "season": 14, "seed": 11, "level": 90}
    assert data["options"].items() >= {**options, "objective": "stock", "refit": False}.items()
    assert data["metric"] == "rmsse"
    assert other["options"].items() >= {"seed": 3, "folds": 3, "level": 50}.items()
    coverage = [one["contenders"][0]["scores"]["coverage"] for one in (data, other)]
    assert coverage[0] > coverage[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing argument"),
        (["LigtGBM"], 'there is no model "LigtGBM"'),
        (["LigtGBM"], 'did you mean "LightGBM"'),
        ([NAIVE, "--folds", "99"], "evaluate.folds: 99 is out of range"),
        ([NAIVE, "--folds", "15"], "15 origins, 7 days apart"),
        ([NAIVE, "--horizon", "29"], "validation days are fewer than the horizon 29"),
        ([NAIVE, "--level", "100"], "evaluate.level"),
        ([NAIVE, "--set", "train.hparams.roundz=3"], "train.hparams.roundz"),
        ([NAIVE, "--objective", "mean"], "--objective"),
        ([NAIVE, "--name", "x" * 101], "at most 100 characters"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error_before_anything_is_trained(
    run: Callable[..., Answer], workspace: Workspace, words: list[str], said: str
) -> None:
    answer = run(*words)

    assert answer.code == 2
    assert said in answer.err
    assert not list(workspace.backtests.iterdir())


def test_what_does_not_exist_is_not_found(command: EngineCommand) -> None:
    assert command("backtest", "run", NAIVE).code == 5
    assert command("backtest", "run", NAIVE, "--dataset", "0" * 16).code == 5
    assert "engine backtest run" in command("backtest", "list").out
    assert command("backtest", "list", "--json").json == []
    for words in (["show"], ["show", "00"], ["show", "../x"], ["delete", "00000000"]):
        assert command("backtest", *words).code == 5


def test_a_hyperparameter_that_no_type_has_is_told(run: Callable[..., Answer]) -> None:
    answer = run(NAIVE, "--set", "train.hparams.rounds=5")

    assert "note: none of these types uses rounds" in answer.out


def test_a_search_hands_on_what_is_configured_for_the_models_that_it_tries(
    workspace: Workspace, dataset: Dataset
) -> None:
    def asked(epochs: int) -> Request:
        overrides = [f"train.hparams.epochs={epochs}", "train.hparams.trials=2", "model.window=14"]
        return make_request(
            workspace, ["auto"], overrides=overrides, flags={}, retrain=False, name=""
        )

    used = asked(3).contenders[0].hyperparameters

    assert (used["trials"], used["epochs"]) == (2, 3)
    assert asked(3).notes == ()
    assert asked(3).id != asked(4).id


def test_the_same_command_does_not_measure_twice(
    command: EngineCommand, run: Callable[..., Answer], puppet: Puppet, dataset: Dataset
) -> None:
    first = run(*puppet.options, "--json").json
    second = run(*puppet.options)
    other = run(*puppet.options, NAIVE, "--folds", "2", "--json").json
    named = run(*puppet.options, "--name", "mine", "--json").json

    days = dataset.split.days
    # Two folds begin two weeks later: what was learnt then is another model.
    assert puppet.trained_on == [days - 28, days - 14]
    assert first["id"] in second.err
    assert named["id"] != first["id"] != other["id"]
    assert named["contenders"][0]["scores"] == first["contenders"][0]["scores"]
    listed = command("backtest", "list", "--json").json
    assert [one["id"] for one in listed] == [named["id"], other["id"], first["id"]]


def test_with_retrain_each_origin_has_a_training_of_its_own(
    run: Callable[..., Answer], puppet: Puppet, dataset: Dataset
) -> None:
    answer = run(*puppet.options, "--folds", "2", "--retrain")
    run(*puppet.options, "--folds", "3", "--retrain")

    days = dataset.split.days
    # The two origins that both have in common are taken over.
    assert puppet.trained_on == [days - 14, days - 7, days - 21]
    assert "Puppet, origin 2 of 2: epoch 1/1" in answer.err
    assert "again before each origin" in answer.out


def test_ctrl_c_keeps_what_is_measured_and_the_same_command_goes_on(
    command: EngineCommand, run: Callable[..., Answer], puppet: Puppet, workspace: Workspace
) -> None:
    puppet.do("interrupted")
    stopped = run(NAIVE, *puppet.options)
    (left,) = command("backtest", "list", "--json").json
    shown = command("backtest", "list").out
    forecasts = list((workspace.backtests / left["id"] / "forecasts").iterdir())
    written = {path: path.stat().st_mtime_ns for path in forecasts}
    puppet.do("interrupted", again=True)
    finished = run(NAIVE, *puppet.options, "--json").json

    assert stopped.code == 130
    assert "4 of 8 forecasts are kept; the same command goes on" in stopped.err
    assert stopped.out == ""
    assert (left["state"], left["done"], left["total"]) == ("unfinished", 4, 8)
    assert [one["scores"]["mase"] for one in left["contenders"]] == [None, None]
    assert "unfinished, 4 of 8 measured" in shown
    assert (finished["id"], finished["state"], finished["done"]) == (left["id"], "finished", 8)
    assert {path: path.stat().st_mtime_ns for path in forecasts} == written


def test_ctrl_c_before_anything_is_measured_leaves_nothing(
    run: Callable[..., Answer], puppet: Puppet, workspace: Workspace
) -> None:
    puppet.do("interrupted")

    assert run(*puppet.options).code == 130
    assert not list(workspace.backtests.iterdir())


def test_a_type_that_fails_does_not_take_the_others_along(
    run: Callable[..., Answer], puppet: Puppet
) -> None:
    puppet.do("diverges")
    failed = run(*puppet.options)
    data = run(*puppet.options, "--json")
    puppet.do("diverges", again=True)
    healed = run(*puppet.options, "--json")

    assert (failed.code, data.code, healed.code) == (1, 1, 0)
    assert "not measured: Puppet: the loss is not a number" in failed.out
    naive, last = data.json["contenders"]
    assert (naive["rank"], last["rank"], last["name"]) == (1, None, "Puppet")
    assert last["problem"].startswith("the loss is not a number")
    assert last["scores"]["mase"] is None
    # What failed is tried again, and is the same backtest.
    assert healed.json["id"] == data.json["id"]
    assert [one["problem"] for one in healed.json["contenders"]] == ["", ""]


def test_when_nothing_can_be_measured_nothing_is_left(
    command: EngineCommand, dataset: Dataset, workspace: Workspace
) -> None:
    answer = command("backtest", "run", NAIVE, "--window", "5")

    assert answer.code == 1
    assert "a window of 5 is too short" in answer.err
    assert not list(workspace.backtests.iterdir())


def test_the_champion_is_measured_on_days_that_it_has_not_seen(
    run: Callable[..., Answer], workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    bundle = make_bundle(tmp_path / "bundle", window=14, calibrated=True)
    before = dataset.day(dataset.split.days - 40).isoformat()
    version = deploy(workspace, bundle, before)

    data = run("champion", version.id, "--json").json

    assert [one["name"] for one in data["contenders"]] == ["champion", NAIVE]
    champion, naive = data["contenders"]
    assert (champion["kind"], champion["version"]) == ("version", version.id)
    assert champion["scores"]["mase"] == pytest.approx(naive["scores"]["mase"])
    assert champion["seconds"] is None
    assert champion["scores"]["coverage"] != naive["scores"]["coverage"]
    assert f"the champion {version.id} was trained on days up to {before}" in data["notes"][0]


def test_a_version_that_has_seen_the_days_is_not_compared(
    run: Callable[..., Answer], workspace: Workspace, dataset: Dataset, tmp_path: Path
) -> None:
    assert run("champion").code == 5
    seen = dataset.day(dataset.split.days - 28).isoformat()
    version = deploy(workspace, make_bundle(tmp_path / "bundle"), seen)

    beside = run(version.id, NAIVE, "--json").json
    alone = run("champion")

    assert [one["name"] for one in beside["contenders"]] == [NAIVE]
    assert beside["notes"] == [
        f"version {version.id} was trained on days up to {seen}, the test begins on {seen}: it is "
        "not compared"
    ]
    assert alone.code == 8
    assert "it is not compared" in alone.err


def test_the_forecasts_of_a_series_stand_beside_what_came(
    command: EngineCommand, run: Callable[..., Answer], dataset: Dataset, workspace: Workspace
) -> None:
    backtest = run(NAIVE, "--json").json["id"]
    name = dataset.ids[1]

    view = command("backtest", "show", backtest[:5], "--series", name, "--json").json
    drawn = command("backtest", "show", "--series", name).out
    wrong = command("backtest", "show", "--series", f"{name}x")

    values = dataset.panel().values[1]
    days = dataset.split.days
    fold = by_hand(dataset).folds[2]
    third = view["origins"][2]
    assert third["origin"] == dataset.day(days - 14).isoformat() == third["days"][0]
    assert third["actual"] == values[days - 14 : days - 7].tolist()
    (said,) = third["contenders"]
    assert said["forecast"] == values[days - 21 : days - 14].tolist()
    assert said["lower"] == fold.interval[0][1].tolist()
    assert view["history"][-1]["value"] == values[days - 29]
    assert view["contenders"][0]["mase"] == by_hand(dataset).series_mase()[name]
    assert f"{name}: {NAIVE} at 4 origins" in drawn
    assert f"{values[-1]:.2f}" in drawn.splitlines()[-1]
    assert wrong.code == 5
    assert name in wrong.err
    # The forecasts are there without the data set, too.
    dataset.folder.rename(dataset.folder.with_name("gone"))
    again = command("backtest", "show", "--series", name, "--json").json
    assert again == {**view, "history": []}


def test_a_backtest_is_deleted_by_the_beginning_of_its_id(
    command: EngineCommand, run: Callable[..., Answer], workspace: Workspace
) -> None:
    first = run(NAIVE, "--json").json["id"]
    second = run(NAIVE, "--folds", "2", "--json").json["id"]

    assert command("backtest", "delete", first[:6], second, "--json").json == {
        "deleted": [first, second]
    }
    assert not list(workspace.backtests.iterdir())


def test_one_that_is_being_measured_is_left_alone(
    command: EngineCommand, run: Callable[..., Answer], workspace: Workspace
) -> None:
    backtest = run(NAIVE, "--json").json["id"]
    folder = workspace.backtests / backtest
    (folder / "backtest.json").unlink()
    lock = FileLock(folder / "lock")
    assert lock.acquire()
    request = json.loads((folder / "request.json").read_text())
    own = {"process": os.getpid(), "mark": start_mark(os.getpid())}
    (folder / "request.json").write_text(json.dumps({**request, **own}))

    (running,) = command("backtest", "list", "--json").json
    answers = [
        command("backtest", "delete", backtest),
        run(NAIVE),
        command("backtest", "show", backtest, "--series", "a"),
    ]
    lock.release()

    assert (running["state"], running["process"]) == ("running", os.getpid())
    assert [answer.code for answer in answers] == [8, 8, 8]
    assert "another process measures it" in answers[1].err


def test_a_damaged_one_does_not_hide_the_others_and_can_be_deleted(
    command: EngineCommand, run: Callable[..., Answer], workspace: Workspace
) -> None:
    whole = run(NAIVE, "--json").json["id"]
    damaged = run(NAIVE, "--folds", "2", "--json").json["id"]
    (workspace.backtests / damaged / "backtest.json").write_text("{")
    (workspace.backtests / "notes").mkdir()

    listed = command("backtest", "list", "--json")

    assert [one["id"] for one in listed.json] == [whole]
    assert damaged in listed.err
    assert command("backtest", "show", damaged).code == 7
    assert command("backtest", "delete", damaged).code == 0
    assert BacktestStore(workspace.backtests).newest()[1] == []
