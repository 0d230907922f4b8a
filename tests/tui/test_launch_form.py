from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from engine.config.form import make_form
from engine.config.loading import load_settings
from engine.config.overrides import lay_overrides
from engine.schema import RunDetail
from tests.tui.rows import run_info
from tui.flows.launch_form import DATA, Earlier, LaunchForm
from tui.flows.rows import BUTTON, Row, rows_of
from tui.flows.values import FormField, override, override_text, path_offers, read, shown

EPOCHS = "train.hparams.epochs"


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What `engine config form full_flow --json` tells without any file of the user."""
    loaded = load_settings("full_flow", workspace_configs=Path("/nonexistent"))
    return make_form("full_flow", loaded).to_dict()


@pytest.fixture
def form(told: dict[str, Any]) -> LaunchForm:
    return LaunchForm(told)


def earlier(*overrides: str, tags: tuple[str, ...] = (), **flags: Any) -> Earlier:
    run = run_info(1, flow="full_flow", tags=tags)
    return Earlier.of(RunDetail(run=run, folder="", overrides=overrides, flags=flags))


def field(kind: str, **more: Any) -> FormField:
    return FormField("a.b", "a", "b", kind, **more)


@pytest.mark.parametrize(
    ("made", "text", "value"),
    [
        (field("int", low=1, high=9), " 9 ", 9),
        (field("int", low=1, high=9), "10", None),
        (field("int"), "1.5", None),
        (field("int"), "", None),
        (field("float"), "1e-3", 0.001),
        (field("float"), "nan", None),
        (field("bool"), "true", True),
        (field("bool"), "yes", None),
        (field("choice", choices=("a", "b")), "c", None),
        (field("choice", choices=(",", " ")), " ", " "),
        (field("list"), "price, promo", ["price", "promo"]),
        (field("list"), '["a,b"]', ["a,b"]),
        (field("list"), "[", None),
        (field("mapping"), '{"a": 1}', {"a": 1}),
        (field("mapping"), "[1]", None),
        (field("text", allowed="text | a list of texts"), '["a", "b"]', ["a", "b"]),
        (field("text"), "a\x1b[31m", None),
        (field("tags"), "a  b,a", ("a", "b")),
        (field("tags"), "a!", None),
    ],
)
def test_texts_are_read_by_kind_and_range(made: FormField, text: str, value: object) -> None:
    reading = read(made, text)

    assert reading.value == value
    assert bool(reading.problem) == (value is None)


def test_null_is_a_value_where_it_may_stand() -> None:
    assert read(field("text", is_optional=True), "null").value is None
    assert read(field("text", is_optional=True), "null").problem == ""
    assert read(field("text"), "null").value == "null"


@pytest.mark.parametrize(
    "value",
    [
        *("units", "null", "no", "3", "1e5", "2024-01-01", "a: b", " x", "[a", "한글", "", "a'b"),
        *("~", "NaN", "-1", "0x10", "{", "/data/x y.csv", "#"),
        *(None, True, 3, 0.001, ["a", "b"], []),
    ],
)
def test_an_override_means_the_same_to_the_command(value: object) -> None:
    from engine.config.layers import Tree
    from engine.config.series_settings import SeriesSettings

    tree = Tree({"dataset": {}})
    problems = lay_overrides(tree, [override("dataset.ds_name", value)], SeriesSettings)

    assert not problems
    assert tree.get(("dataset", "ds_name")) == value


def test_an_override_reads_back_as_it_was_typed() -> None:
    for value in ("units", 3, None, ["a", "b"], True):
        assert override_text(override("k.e", value)) == ("k.e", shown(value))


def test_a_form_that_nothing_was_typed_into_asks_for_nothing(form: LaunchForm) -> None:
    assert form.request().command() == "engine run full_flow"
    assert form.changed() == []
    assert form.problems() == []


def test_options_come_before_settings_and_the_default_is_no_change(form: LaunchForm) -> None:
    form.set(EPOCHS, "5")
    form.set("model.model_type", "LightGBM")
    form.set("dataset.date_col", "day of sale")
    form.set("--tag", "nightly test")
    form.set("--priority", "3")
    form.set("train.seed", "7")

    # LightGBM has no epochs; the seed is the default.
    assert shlex.split(form.request().command()) == [
        *("engine", "run", "full_flow", "--model-type", "LightGBM"),
        *("--set", 'dataset.date_col="day of sale"'),
        *("--tag", "nightly", "--tag", "test", "--priority", "3"),
    ]
    form.set("model.model_type", "LSTM")
    assert dict(form.request().flags) == {"epochs": 5}


def test_a_data_file_is_meant_from_where_one_stands(
    form: LaunchForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    form.set(DATA, "stock.csv")
    assert form.missing == str(tmp_path / "stock.csv")

    (tmp_path / "stock.csv").touch()
    form.set(DATA, "stock.csv")
    assert form.missing == ""
    assert dict(form.request().flags) == {"data": str(tmp_path / "stock.csv")}


def test_no_data_file_is_a_setting_and_no_option(form: LaunchForm) -> None:
    form.set(DATA, "null")

    assert form.request().overrides == ("dataset.file_path=null",)
    assert form.request().flags == ()


def test_paths_are_completed_to_folders_and_data_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stock.csv").touch()
    (tmp_path / "stock.txt").touch()
    (tmp_path / "store").mkdir()
    monkeypatch.chdir(tmp_path)

    assert path_offers("st") == ["stock.csv", "store/"]
    assert path_offers(f"{tmp_path}/sto") == [f"{tmp_path}/stock.csv", f"{tmp_path}/store/"]
    assert path_offers("nowhere/x") == []


def test_what_a_run_was_asked_for_is_taken_over_and_compared(form: LaunchForm) -> None:
    run = earlier("train.hparams.lstm_units=48", epochs=12, seed=3, tags=("demo",))
    form.set("train.threads", "2")
    found = {field.key: then for field, then in form.differing(run)}
    assert found == {
        "train.hparams.lstm_units": "48",
        EPOCHS: "12",
        "train.seed": "3",
        "--tag": "demo",
        "train.threads": "0",
    }

    form.take(run)
    assert form.differing(run) == []
    assert form.text("train.threads") == "0"
    assert form.request().command() == (
        "engine run full_flow --seed 3 --epochs 12 --set train.hparams.lstm_units=48 --tag demo"
    )


def test_a_file_given_by_set_stays_so(form: LaunchForm) -> None:
    # By --set it is meant from the folder of the data, by --data from where one stands.
    form.take(earlier("dataset.file_path=stock.csv"))
    assert form.request().overrides == ("dataset.file_path=stock.csv",)
    assert form.missing == ""

    form.set(DATA, "/data/stock.csv")
    assert form.request().flags == (("data", "/data/stock.csv"),)


def test_a_setting_that_the_form_does_not_know_is_shown_and_kept(form: LaunchForm) -> None:
    form.take(earlier("train.hparams.own=[1, 2]"))

    assert form.text("train.hparams.own") == "[1, 2]"
    assert form.request().overrides == ("train.hparams.own=[1, 2]",)


def test_a_run_again_says_only_what_changes(form: LaunchForm) -> None:
    run = earlier("train.hparams.lstm_units=48", epochs=12)
    form.again = run
    form.take(run)
    assert form.request().command() == f"engine rerun {run.run.id[:8]}"

    form.set(EPOCHS, "20")
    form.set("train.hparams.lstm_units", "32")
    assert form.request().command() == (
        f"engine rerun {run.run.id[:8]} --epochs 20 --set train.hparams.lstm_units=32"
    )
    # What the check is asked about is all of it: here the defaults.
    assert form.fresh_request().settings() == []


@pytest.mark.parametrize(
    ("run", "key", "text"),
    [
        (earlier(data="/data/a.csv"), DATA, "demo.parquet"),
        (earlier(data="/data/a.csv"), DATA, "null"),
        (earlier(force="we know"), "deploy.force", ""),
        (earlier(tags=("a",)), "--tag", ""),
    ],
)
def test_what_no_rerun_can_take_away_makes_a_fresh_launch(
    form: LaunchForm, run: Earlier, key: str, text: str
) -> None:
    form.again = run
    form.take(run)
    form.set(key, text)

    assert form.request().again == ""
    assert form.request().command().startswith("engine run full_flow")


def test_other_defaults_are_taken_over_and_what_is_typed_stays(
    form: LaunchForm, told: dict[str, Any]
) -> None:
    form.set(EPOCHS, "5")
    form.set("train.seed", "9")
    form.take(earlier("train.hparams.own=1", epochs=5, seed=9))
    fields = [
        one | {"default": 5} if one["key"] == EPOCHS else one
        for one in told["fields"]
        if one["key"] != "train.seed"
    ]

    form.renew({**told, "fields": fields})

    assert form.text(EPOCHS) == "5"
    # The default is five epochs now, and the seed is no setting any more.
    assert form.request().command() == "engine run full_flow --set train.hparams.own=1"


def test_what_cannot_be_read_is_a_problem_of_its_field(form: LaunchForm) -> None:
    form.set(EPOCHS, "many")
    form.refused["deploy.force"] = "too short"
    form.refused[""] = "no model"

    assert form.problems() == [
        (EPOCHS, "allowed: whole number, 1 to 10000"),
        ("deploy.force", "too short"),
        ("", "no model"),
    ]
    form.reset([EPOCHS])
    form.set("deploy.force", "a reason")
    assert form.problems() == [("", "no model")]


def test_sections_are_folded_and_narrowing_unfolds_them(form: LaunchForm) -> None:
    folded = rows_of(form, [], "")
    opened = rows_of(form, ["dataset.rules"], "")
    narrowed = rows_of(form, [], "gaps")

    assert Row("field", "dataset.rules.gaps") not in folded
    assert Row("field", "dataset.rules.gaps") in opened
    assert narrowed == [
        Row("section", "dataset.rules"),
        Row("field", "dataset.rules.gaps"),
        BUTTON,
    ]
    keys = [row.key for row in opened if row.kind == "field"]
    assert len(keys) == len(set(keys))


def test_hyper_parameters_of_other_models_are_not_asked_for(form: LaunchForm) -> None:
    def asked() -> set[str]:
        return {row.key for row in rows_of(form, ["train.hparams"], "") if row.kind == "field"}

    assert EPOCHS in asked()
    assert "train.hparams.num_leaves" not in asked()
    form.set("model.model_type", "LightGBM")
    assert EPOCHS not in asked()
    assert "train.hparams.num_leaves" in asked()


def test_the_chosen_type_s_own_hyper_parameters_stand_before_those_that_it_hands_on(
    form: LaunchForm,
) -> None:
    def asked() -> list[str]:
        rows = rows_of(form, ["train.hparams"], "")
        return [row.key.rpartition(".")[2] for row in rows if row.key.startswith("train.hparams.")]

    before = asked()
    form.set("model.model_type", "auto")
    assert asked()[:5] == ["epochs", "trials", "time_budget", "members", "workers"]
    assert {"lstm_units", "num_leaves"} <= set(asked()[5:])
    form.set("model.model_type", "LSTM")
    assert asked() == before
