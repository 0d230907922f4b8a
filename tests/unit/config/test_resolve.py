"""From a request to the settings of a run, here or in an interpreter of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.config import resolve as resolve_module
from engine.config.loading import load_settings, names_plugins
from engine.config.resolve import Resolved, resolve
from engine.errors import ConfigError
from models import registry
from tests.own_registry import use_own_registry

DRIFT = Path(__file__).parents[2] / "contract" / "drift_model.py"

WriteConfig = Callable[[str, str], Path]


@pytest.fixture
def plugin(configs: Path) -> Path:
    """A file with a model of the user's own; what a test appends is done when it is imported."""
    return Path(shutil.copy(DRIFT, configs.parent / "drift.py"))


def resolved(configs: Path, flow: str = "train_flow", *overrides: str, **flags: Any) -> Resolved:
    return resolve(flow, workspace_configs=configs, overrides=overrides, flags=flags)


def with_plugin(configs: Path, *overrides: str, **flags: Any) -> Resolved:
    return resolved(configs, "train_flow", "model.plugins=[drift.py]", *overrides, **flags)


def append(path: Path, code: str) -> None:
    with path.open("a") as file:
        file.write(f"\n{code}\n")


def no_subprocess(*_: object, **__: object) -> None:
    raise AssertionError("another interpreter was started")


def test_settings_without_files_of_the_users_own_are_resolved_here(
    configs: Path, write_config: WriteConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", no_subprocess)
    path = write_config("train_flow", "model: {window: 21}\n")

    found = resolved(configs, "train_flow", "model.horizon=5", epochs=3, model_type=None)

    document = yaml.safe_load(found.document)
    assert (document["model"]["window"], document["model"]["horizon"]) == (21, 5)
    assert document["train"]["hparams"]["epochs"] == 3
    assert f"{path}:2" in found.document
    assert found.notes == ()


@pytest.mark.parametrize(
    ("flow", "shown"),
    [
        ("train_flow", {"model_type": "LightGBM"}),
        ("full_flow", {"model_type": "LightGBM"}),
        ("data_flow", {}),
        ("eval_flow", {}),
        ("deploy_flow", {}),
    ],
)
def test_the_model_tells_apart_the_runs_that_train_one(
    configs: Path, flow: str, shown: dict[str, str]
) -> None:
    assert resolved(configs, flow, model_type="LightGBM").parameters == shown


@pytest.mark.parametrize("flow", ["trainflow", ""])
def test_an_unknown_flow_is_refused(configs: Path, flow: str) -> None:
    with pytest.raises(ConfigError, match="there is no flow"):
        resolved(configs, flow)


def test_files_of_the_users_own_are_imported_elsewhere(configs: Path, plugin: Path) -> None:
    (configs / "train_flow.yaml").write_text("model: {window: 9}\n")
    found = with_plugin(
        configs, "model.model_type=Drift", "train.hparams.damping=0.25", "dataset.ds_name=stock"
    )

    document = yaml.safe_load(found.document)
    assert document["model"]["model_type"] == "Drift"
    assert document["train"]["hparams"]["damping"] == 0.25
    assert found.parameters == {"model_type": "Drift"}
    assert ["train_flow.yaml is not read" in note for note in found.notes] == [True]
    assert "Drift" not in registry.names()


def test_here_and_elsewhere_come_to_the_same(
    configs: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = with_plugin(configs, "dataset.ds_root=재고", seed=5)

    use_own_registry(monkeypatch)
    monkeypatch.setattr(resolve_module, "names_plugins", lambda *_, **__: False)
    assert with_plugin(configs, "dataset.ds_root=재고", seed=5) == elsewhere


def test_a_mistake_is_told_in_the_same_words_here_and_elsewhere(
    configs: Path, plugin: Path, write_config: WriteConfig
) -> None:
    write_config("train_flow", "model:\n  windw: 21\n  window: 0\n")

    with pytest.raises(ConfigError) as here:
        resolved(configs)
    with pytest.raises(ConfigError) as elsewhere:
        with_plugin(configs)

    assert str(elsewhere.value) == str(here.value)
    assert elsewhere.value.kind == here.value.kind == "ConfigError"


def test_a_hyper_parameter_that_the_users_model_refuses_is_refused(
    configs: Path, plugin: Path
) -> None:
    with pytest.raises(ConfigError, match=r"damping: must be from 0.* to 1.*, not 9"):
        with_plugin(configs, "model.model_type=Drift", "train.hparams.damping=9.0")


def test_a_file_that_was_changed_between_two_requests_counts_as_it_is(
    configs: Path, plugin: Path
) -> None:
    request = ("model.model_type=Drift", "train.hparams.damping=1.5")
    with pytest.raises(ConfigError, match="damping"):
        with_plugin(configs, *request)
    plugin.write_text(plugin.read_text().replace("high=1.0", "high=2.0"))

    assert with_plugin(configs, *request).parameters == {"model_type": "Drift"}

    plugin.write_text(plugin.read_text().replace('@register("Drift")', '@register("Skid")'))
    with pytest.raises(ConfigError, match='there is no model "Drift"'):
        with_plugin(configs, *request)


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.write(1, b'{}' * 100_000); print('{\"error\": null}')",
        "import sys; sys.stdout.write('no line end'); sys.stdout.close(); sys.stdin.read()",
        "import atexit; atexit.register(print, 'goodbye')",
        "import os; os.write(1, b'\\xff\\xfe not UTF-8')",
    ],
    ids=["print", "close", "at exit", "bytes"],
)
def test_what_a_file_prints_is_no_answer(configs: Path, plugin: Path, code: str) -> None:
    append(plugin, code)

    assert with_plugin(configs, "model.model_type=Drift").parameters == {"model_type": "Drift"}


@pytest.mark.parametrize(
    "code",
    [
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "raise SystemExit('no more of this')",
        "raise SystemExit(0)",
    ],
    ids=["exit 0", "killed", "SystemExit", "SystemExit 0"],
)
def test_a_file_that_ends_its_interpreter_is_a_mistake_of_the_configuration(
    configs: Path, plugin: Path, code: str
) -> None:
    append(plugin, code)

    with pytest.raises(ConfigError, match=r"model\.plugins"):
        with_plugin(configs)


def test_the_last_words_of_an_interpreter_that_was_ended_are_told(
    configs: Path, plugin: Path
) -> None:
    append(plugin, "import os\nos.write(2, b'my driver is missing')\nos._exit(3)")

    with pytest.raises(ConfigError, match="my driver is missing"):
        with_plugin(configs)


def test_a_file_whose_import_does_not_end_is_cut_off(
    configs: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(plugin, "while True: pass")
    monkeypatch.setattr(resolve_module, "_APART_SECONDS", 0.5)

    with pytest.raises(ConfigError) as caught:
        with_plugin(configs)

    assert caught.value.what == "the files in model.plugins were not imported within 0.5 s"
    assert caught.value.fix is not None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def f(:", "SyntaxError"),
        ("raise ValueError('재고')", "재고"),
    ],
)
def test_a_file_with_an_error_is_named_with_it(
    configs: Path, plugin: Path, code: str, reason: str
) -> None:
    append(plugin, code)

    with pytest.raises(ConfigError, match=reason) as caught:
        with_plugin(configs)

    assert "drift.py" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_missing_is_named_with_where_it_was_looked_for(configs: Path) -> None:
    with pytest.raises(ConfigError, match=r'there is no file "drift.py" in ') as caught:
        with_plugin(configs)

    assert str(configs.parent) in str(caught.value)


def test_nothing_where_one_stands_is_imported_instead_of_the_program(
    configs: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (configs.parent / "json.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.chdir(configs.parent)

    assert with_plugin(configs, "model.model_type=Drift").parameters == {"model_type": "Drift"}


def test_what_is_asked_of_the_other_interpreter_is_all_there_is(
    configs: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(*_: object, input: str, **__: object) -> subprocess.CompletedProcess[str]:
        asked.append(input)
        return subprocess.CompletedProcess([], 0, '{"error": {"kind": "E", "message": "m"}}', "")

    monkeypatch.setattr(subprocess, "run", answer)
    with pytest.raises(Exception, match="m"):
        with_plugin(configs, "model.window=9", data="재고.csv", epochs=2)

    assert json.loads(asked[0]) == {
        "flow": "train_flow",
        "workspace_configs": str(configs),
        "overrides": ["model.plugins=[drift.py]", "model.window=9"],
        "flags": {"data": "재고.csv", "epochs": 2},
    }


def test_files_of_the_users_own_are_noticed_wherever_they_are_named(
    configs: Path, write_config: WriteConfig
) -> None:
    def named(flow: str, *overrides: str) -> bool:
        return names_plugins(flow, workspace_configs=configs, overrides=overrides)

    assert not names_plugins("train_flow", workspace_configs=None)
    assert not named("train_flow")
    assert named("data_flow", "model.plugins=[a.py]")
    write_config("full_flow", "model: {plugins: [a.py]}\n")
    assert named("full_flow")
    assert not named("full_flow", "model.plugins=[]")
    # No other flow reads that file.
    assert not named("train_flow")
    write_config("train_flow", "model: {plugins: [a.py]}\n")
    assert named("train_flow")
    assert named("deploy_flow")


@pytest.mark.parametrize(
    ("text", "overrides", "named"),
    [
        ("model: {plugins: [a.py], windw: 3}\n", [], True),
        ("model: {plugins: [a.py", [], False),
        ("model: {plugins: [a.py]}\n", ["model.windw=3", "nonsense"], True),
        ("model: 5\n", [], False),
        ("model: {plugins: a.py}\n", [], True),
        ("model: {plugins: [1, 2]}\n", [], True),
    ],
)
def test_mistakes_are_left_to_whoever_loads_the_settings(
    configs: Path, write_config: WriteConfig, text: str, overrides: list[str], named: bool
) -> None:
    write_config("train_flow", text)
    request: dict[str, Any] = {"workspace_configs": configs, "overrides": overrides}

    assert names_plugins("train_flow", **request) == named
    with pytest.raises(ConfigError):
        load_settings("train_flow", **request)
