from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import registry
from models.arrays import Panel, Windows
from models.base import FitReport, Forecaster, no_progress
from models.data_types import TIMESERIES
from models.errors import ModelProblem
from models.forecasting.boosting import LightGBM
from models.forecasting.bundle import open_bundle, write_bundle
from models.search import blending, search
from models.search.crew import Crew, crew_of
from models.search.jobs import LostJob
from models.search.trials import discard, held_alone
from tests.own_registry import use_own_registry

LEANING_MODELS = Path(__file__).with_name("leaning_models.py")
WINDOW, HORIZON, VALIDATION_DAYS = 14, 7, 21


@pytest.fixture(autouse=True)
def few_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only these types are there to be tried."""
    use_own_registry(monkeypatch)
    registry.load_file(LEANING_MODELS)
    leave_only("SeasonalNaive", "Above", "Below")


def leave_only(*names: str) -> None:
    forecasters = registry._models[TIMESERIES]
    for name in set(forecasters) - {"auto", *names}:
        del forecasters[name]


def demand(days: int = 120, series: int = 12, covariates: bool = False) -> Panel:
    rng = np.random.default_rng(4)
    week = np.array([3.0, 1.0, 0.0, 1.0, 4.0, 9.0, 7.0])[np.arange(days) % 7]
    values = 20 + week + rng.normal(0, 2, (series, days))
    names = tuple(f"item_{row}" for row in range(series))
    if not covariates:
        return Panel(names, dt.date(2024, 1, 3), values)
    known = rng.normal(0, 0.2, (series, days + HORIZON, 2))
    return Panel(names, dt.date(2024, 1, 3), values, ("price", "promo"), known)


def make(**hparams: Any) -> Forecaster:
    seed = hparams.pop("seed", 1)
    own = {"trials": 3, "workers": 1, **hparams}
    return registry.create(
        "auto", window=WINDOW, horizon=HORIZON, seed=seed, threads=1, hparams=own
    )


def fit(model: Forecaster, history: Panel | None = None, progress: Any = no_progress) -> FitReport:
    return model.fit(history or demand(), validation_days=VALIDATION_DAYS, progress=progress)


def trials_of(report: FitReport) -> list[dict[str, Any]]:
    """The rows of the trials in the order of their numbers."""
    rows = [row for row in report.leaderboard if row["member"] is not None]
    return sorted(rows, key=lambda row: row["member"])


def windows() -> Windows:
    return demand().last_windows(WINDOW)


def test_members_that_miss_to_both_sides_are_blended_and_beat_each_of_them() -> None:
    model = make()
    report = fit(model)
    first, *others = report.leaderboard
    assert first["model_type"] == "auto"
    assert first["gain"]["low"] > 0
    assert all(first["score"] < row["score"] for row in others)
    weights = {row["model_type"]: row["weight"] for row in others}
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["Above"] > 0.3 < weights["Below"]
    both = {member["model_type"]: member["weight"] for member in model.describe()["members"]}
    assert both == {name: weight for name, weight in weights.items() if weight}


def test_features_are_those_of_the_members_that_can_tell_by_their_weights() -> None:
    leave_only("SeasonalNaive")
    registry._models[TIMESERIES]["LightGBM"] = LightGBM
    model = make(trials=4, rounds=5, min_data_in_leaf=5)
    report = fit(model)

    members = model._members  # type: ignore[attr-defined]
    told = [(one.weight, one.report.importance) for one in members if one.report.importance]
    assert told
    assert sum(report.importance.values()) == pytest.approx(1)
    for name, part in report.importance.items():
        meant = sum(weight * parts.get(name, 0.0) for weight, parts in told)
        assert part == pytest.approx(meant / sum(weight for weight, _ in told))


def test_the_best_wins_alone_where_nothing_helps_it() -> None:
    leave_only("SeasonalNaive", "Above")
    model = make(trials=2)
    report = fit(model)
    assert [member["weight"] for member in model.describe()["members"]] == [1.0]
    blend, best, worse = report.leaderboard
    assert blend["score"] == best["score"] < worse["score"]
    assert (blend["gain"]["value"], best["weight"], worse["weight"]) == (0.0, 1.0, 0.0)


def test_no_more_members_than_wanted_are_kept() -> None:
    model = make(members=1, trials=5)
    fit(model)
    assert len(model.describe()["members"]) == 1


def test_a_score_is_the_scaled_error_of_the_validation_days_and_lies_in_its_interval() -> None:
    report = fit(make())
    history = demand()
    split = history.days - VALIDATION_DAYS
    naive = np.abs(history.values[:, 7:split] - history.values[:, : split - 7]).mean(axis=1)
    missed = []
    for origin in range(split, history.days - HORIZON + 1):
        actual = history.values[:, origin : origin + HORIZON]
        missed.append(np.abs(actual - history.values[:, origin - 7 : origin]).mean(axis=1))
    row = next(row for row in report.leaderboard if row["model_type"] == "SeasonalNaive")
    assert row["score"] == pytest.approx((np.mean(missed, axis=0) / naive).mean(), rel=1e-5)
    for row in report.leaderboard:
        assert row["low"] < row["score"] < row["high"]


def test_a_type_that_cannot_be_fitted_is_a_row_with_its_reason(few_types: None) -> None:
    registry._plugin_files.clear()
    leave_only("SeasonalNaive")
    registry.load_file(LEANING_MODELS)
    report = fit(make(trials=4))
    last = report.leaderboard[-1]
    assert (last["model_type"], last["status"], last["score"]) == ("Broken", "failed", None)
    assert "this one never learns" in last["why"]
    assert len(report.curve) == report.rounds == 4


def test_when_nothing_can_be_fitted_it_says_why() -> None:
    registry._plugin_files.clear()
    leave_only()
    registry.load_file(LEANING_MODELS)
    leave_only("Broken")
    with pytest.raises(ModelProblem, match=r"none of 1 models.*this one never learns"):
        fit(make())


def test_after_the_defaults_come_variants_of_what_the_blend_leans_on() -> None:
    rows = trials_of(fit(make(trials=9)))
    assert {row["model_type"] for row in rows[:3]} == {"SeasonalNaive", "Above", "Below"}
    assert {row["model_type"] for row in rows[3:]} == {"Above", "Below"}
    assert all(row["seed"] == 1 for row in rows[:3])
    assert len({row["seed"] for row in rows}) == 7
    leans = [row["hyperparameters"].get("lean", 2.0) for row in rows[3:]]
    assert any(lean != 2.0 for lean in leans)
    assert all(1.0 <= lean <= 4.0 for lean in leans)


def test_what_is_configured_for_a_member_is_kept_in_every_trial() -> None:
    rows = trials_of(fit(make(trials=8, lean=1.5)))
    assert {row["hyperparameters"].get("lean") for row in rows[1:]} == {1.5}


def test_progress_tells_each_score_and_the_best_so_far() -> None:
    calls = []
    report = fit(make(trials=5), progress=lambda *told, **values: calls.append((told, values)))
    assert [told for told, _ in calls] == [("trial", number, 5) for number in range(1, 6)]
    scores = [row["score"] for row in trials_of(report)]
    assert [values["score"] for _, values in calls] == scores
    assert [values["best"] for _, values in calls] == np.minimum.accumulate(scores).tolist()


def test_no_trial_begins_when_the_time_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(0, 100_000, 30))
    monkeypatch.setattr(search, "monotonic", lambda: float(next(moments)))
    assert 1 <= fit(make(trials=50, time_budget=100)).rounds < 5
    assert fit(make(trials=50, time_budget=1)).rounds == 1


class Stopped(BaseException):
    """As a signal that ends a run raises it."""


def stop_at(number: int) -> Any:
    def progress(kind: str, done: int, total: int, **values: float) -> None:
        if done == number:
            raise Stopped

    return progress


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The types that were fitted, in order."""
    done: list[str] = []
    for name in ("Above", "Below"):
        cls = registry.get(name)

        def fit(self: Forecaster, *args: Any, _fit: Any = cls.fit, **options: Any) -> FitReport:
            done.append(self.model_type)
            return _fit(self, *args, **options)

        monkeypatch.setattr(cls, "fit", fit)
    yield done


def without_times(report: FitReport) -> list[dict[str, Any]]:
    return [{**row, "seconds": 0} for row in report.leaderboard]


def test_a_search_that_was_cut_short_goes_on_and_ends_as_one_that_was_not(
    tmp_path: Path, fits: list[str]
) -> None:
    whole = make(trials=7)
    expected = fit(whole)
    fits.clear()
    stopped = make(trials=7)
    stopped.keep_trials_in(tmp_path / "search")
    with pytest.raises(Stopped):
        fit(stopped, progress=stop_at(4))
    before = len(fits)
    resumed = make(trials=7)
    resumed.keep_trials_in(tmp_path / "search")
    report = fit(resumed)
    assert (before, len(fits)) == (3, 6)
    assert without_times(report) == without_times(expected)
    np.testing.assert_array_equal(resumed.predict(windows()), whole.predict(windows()))


@pytest.mark.parametrize("change", ["values", "seed", "code"])
def test_what_was_made_from_something_else_is_not_taken_up(
    change: str, tmp_path: Path, fits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make()
    first.keep_trials_in(tmp_path)
    fit(first)
    assert len(fits) == 2
    history = demand()
    if change == "values":
        values = history.values.copy()
        values[3, 50] += 1
        history = Panel(history.ids, history.start, values)
    if change == "code":
        copy = tmp_path / "other.py"
        copy.write_text(LEANING_MODELS.read_text() + "# changed\n")
        monkeypatch.setattr(registry, "_plugin_files", {copy: ()})
    second = make(seed=2 if change == "seed" else 1)
    second.keep_trials_in(tmp_path)
    fit(second, history)
    assert len(fits) == 4


def test_a_half_written_trial_is_done_again(tmp_path: Path, fits: list[str]) -> None:
    for _ in range(2):
        model = make()
        model.keep_trials_in(tmp_path)
        fit(model)
        (tmp_path / "trial-0001").rename(tmp_path / ".trial-0001")
    assert sorted(fits) == ["Above", "Above", "Below"]


def test_a_trial_whose_process_was_killed_failed_and_is_done_by_the_next_search(
    tmp_path: Path, fits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unlucky:
        def __init__(self, crew: Crew[Any]) -> None:
            self.crew = crew
            self.start = crew.start

        @property
        def free(self) -> int:
            return self.crew.free

        def next_done(self) -> tuple[int, Any]:
            number, done = self.crew.next_done()
            if number == 1:
                raise LostJob(number, "its process ended: SIGKILL")
            return number, done

    @contextmanager
    def unlucky_crew(workers: int, shared: Any) -> Iterator[Unlucky]:
        with crew_of(workers, shared) as crew:
            yield Unlucky(crew)

    expected = fit(make())
    fits.clear()
    statuses, reports = [], []
    for crew in (unlucky_crew, crew_of):
        monkeypatch.setattr(blending, "crew_of", crew)
        model = make()
        model.keep_trials_in(tmp_path)
        reports.append(fit(model))
        statuses.append([(row["status"], row.get("why", "")) for row in trials_of(reports[-1])])

    done = ("done", "")
    assert statuses == [[done, ("failed", "its process ended: SIGKILL"), done], [done] * 3]
    assert fits.count("Above") == 2
    assert fits.count("Below") == 1
    assert without_times(reports[1]) == without_times(expected)


def test_two_searches_do_not_share_a_folder(tmp_path: Path) -> None:
    with held_alone(tmp_path) as alone:
        assert alone
        model = make()
        model.keep_trials_in(tmp_path)
        fit(model)
    assert list(tmp_path.glob("trial-*")) == []


def test_a_folder_of_trials_is_deleted_when_nobody_searches_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "search"
    model = make()
    model.keep_trials_in(folder)
    fit(model)
    with held_alone(folder):
        discard(folder)
        assert len(list(folder.glob("trial-*"))) == 3
    discard(folder)
    discard(folder)
    assert not folder.exists()


def test_a_blend_with_covariates_is_saved_and_served_as_it_answers(tmp_path: Path) -> None:
    leave_only("Above", "Below")
    history = demand(covariates=True)
    model = make(trials=2)
    fit(model, history)
    assert model.covariates == ("price", "promo")
    own = {member["model_type"]: member["covariates"] for member in model.describe()["members"]}
    assert own == {"Above": ["price"], "Below": []}
    asked = history.last_windows(WINDOW)
    expected = model.predict(asked, 10)
    without = Windows(asked.values, asked.weekday)
    assert not np.allclose(model.predict(without, 10), expected)
    model.save(tmp_path / "model")
    loaded = registry.load(tmp_path / "model")
    assert loaded.describe() == model.describe()
    np.testing.assert_array_equal(loaded.predict(asked, 10), expected)
    write_bundle(model, tmp_path / "bundle", asked.first(2))
    served = open_bundle(tmp_path / "bundle")
    np.testing.assert_allclose(served.forecast(asked, 10), expected, rtol=1e-9)
    unknown = served.forecast(without, 10)
    np.testing.assert_allclose(unknown, model.predict(without, 10), rtol=1e-9)


def test_a_damaged_member_is_noticed(tmp_path: Path) -> None:
    model = make()
    fit(model)
    model.save(tmp_path)
    (tmp_path / "members" / "0" / "model.json").write_text("{}")
    with pytest.raises(ModelProblem, match=r"members/0/model\.json is not the file"):
        registry.load(tmp_path)


def test_every_member_learns_once_more_and_the_weights_stay() -> None:
    leave_only("Above", "Below")
    model = make(trials=2)
    report = fit(model)
    weights = [member["weight"] for member in model.describe()["members"]]
    calls = []
    again = model.refit(demand(), report, progress=lambda *told, **_: calls.append(told))
    assert again is not None
    assert calls == [("member", 1, 2), ("member", 2, 2)]
    assert [member.model.refits for member in model._members] == [1, 1]
    assert [member["weight"] for member in model.describe()["members"]] == weights


def test_without_validation_days_members_learn_from_those_that_picked_them() -> None:
    leave_only("Above", "Below")
    model = make(trials=2)
    report = model.fit(demand(), validation_days=0, progress=no_progress)
    assert (report.validation_samples, report.best_loss) == (0, None)
    assert [member.model.refits for member in model._members] == [1, 1]


def test_a_series_that_is_too_short_is_refused() -> None:
    needed = WINDOW + HORIZON + VALIDATION_DAYS
    with pytest.raises(ModelProblem, match=f"{needed} are needed"):
        fit(make(), demand(days=needed - 1))


@pytest.mark.long
def test_processes_find_what_one_finds_alone() -> None:
    registry._models[TIMESERIES]["LightGBM"] = LightGBM
    quick = {"rounds": 5, "trials": 8}
    alone, together = make(**quick), make(**quick, workers=2)
    assert without_times(fit(together)) == without_times(fit(alone))
    np.testing.assert_array_equal(together.predict(windows()), alone.predict(windows()))
