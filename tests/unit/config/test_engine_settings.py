"""What engine.yaml may say about the queue, retention and notifications."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.engine_settings import EngineSettings
from engine.config.loading import load_engine_settings
from engine.config.problems import ConfigProblemsError


def loaded(configs: Path, text: str) -> EngineSettings:
    (configs / "engine.yaml").write_text(text, encoding="utf-8")
    return load_engine_settings(workspace_configs=configs).settings


def complaint(configs: Path, text: str) -> str:
    with pytest.raises(ConfigProblemsError) as caught:
        loaded(configs, text)
    return str(caught.value)


def test_without_a_word_two_runs_go_on_at_once_and_nothing_is_deleted_by_age() -> None:
    settings = load_engine_settings(workspace_configs=None).settings

    assert settings.queue.max_concurrent == 2
    limits = settings.queue.per_flow.model_dump()
    assert limits.pop("deploy_flow") == 1
    assert set(limits.values()) == {0}
    assert (settings.retention.keep_runs, settings.retention.keep_days) == (10_000, 0)
    assert settings.notifications.states == ("FAILED", "CRASHED")
    assert settings.notifications.webhooks == settings.notifications.apprise == ()


def test_every_setting_of_the_engine_can_be_changed(configs: Path) -> None:
    settings = loaded(
        configs,
        """
timezone: Asia/Seoul
queue:
  max_concurrent: 8
  per_flow: {train_flow: 3, deploy_flow: 0}
run: {start_method: spawn, nice: 0, memory_limit_mb: 4096, log_max_mb: 5,
      dask_scheduler: "tls://dask.example:8786"}
retention: {keep_runs: 10, keep_days: 36500}
notifications:
  states: [COMPLETED, CANCELLED]
  webhooks:
    - https://chat.example/hooks/${HOOK}
    - ${WHOLE_ADDRESS}
  apprise: ["mailto://${USER}:${PASSWORD}@example.com"]
  allowed_hosts: [localhost]
""",
    )

    assert (settings.queue.max_concurrent, settings.queue.per_flow.train_flow) == (8, 3)
    # What is not named keeps its limit.
    assert (settings.queue.per_flow.deploy_flow, settings.queue.per_flow.eval_flow) == (0, 0)
    assert (settings.run.start_method, settings.run.memory_limit_mb) == ("spawn", 4096)
    assert settings.run.cancel_grace_seconds == 5
    assert (settings.retention.keep_runs, settings.retention.keep_days) == (10, 36500)
    told = settings.notifications
    assert told.states == ("COMPLETED", "CANCELLED")
    assert told.webhooks == ("https://chat.example/hooks/${HOOK}", "${WHOLE_ADDRESS}")
    assert told.apprise == ("mailto://${USER}:${PASSWORD}@example.com",)
    assert told.allowed_hosts == ("localhost",)


def test_nobody_is_told_of_anything_when_the_list_of_states_is_empty(configs: Path) -> None:
    assert loaded(configs, "notifications: {states: []}\n").notifications.states == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "queue: {max_concurrent: 0}",
            [":1:25: queue.max_concurrent: 0 is out of range", "1 to 1000"],
        ),
        ("queue: {max_concurrent: 1001}", ["1001 is out of range", "1 to 1000"]),
        ('queue: {max_concurrent: "2"}', [":1:25: ", "write it without quotes"]),
        ("queue: {max_concurrent: true}", ["a whole number is expected, not a switch"]),
        ("queue: 2", [":1:8: queue: this is a section", "allowed: max_concurrent, per_flow"]),
        (
            "queue: {per_flow: {trainflow: 1}}",
            [":1:20: ", 'did you mean "queue.per_flow.train_flow"?'],
        ),
        (
            "queue: {per_flow: {train_flow: -1}}",
            [":1:32: queue.per_flow.train_flow: -1 is out of range", "0 to 1000"],
        ),
        ("queue: {per_flow: 3}", ["queue.per_flow: this is a section", "data_flow, train_flow"]),
        ("max_concurrent: 3", [":1:1: ", 'did you mean "queue.max_concurrent"?']),
        ("run: {max_concurrent: 3}", [":1:7: ", 'did you mean "queue.max_concurrent"?']),
        (
            "run: {start_method: thread}",
            [':1:21: run.start_method: "thread"', "allowed: auto | fork | spawn"],
        ),
        ("run: {memory_limit_mb: -1}", ["run.memory_limit_mb: -1 is out of range", "0 to 1048576"]),
        ("run: {log_max_mb: 0}", ["run.log_max_mb: 0 is out of range", "1 to 10000"]),
        (
            "run: {dask_scheduler: 'host:8786'}",
            ["run.dask_scheduler", "host:8786", "tcp://host:port or tls://host:port"],
        ),
        ("retention: {keep_runs: 9}", ["retention.keep_runs: 9 is out of range", "10 to 1000000"]),
        ("retention: {keep_days: 36501}", ["keep_days: 36501 is out of range", "0 to 36500"]),
        ("retention: {keep_days: 0.5}", ["keep_days: a whole number is expected"]),
        (
            "notifications: {states: [FAILED, BROKEN]}",
            [":1:34: notifications.states", '"BROKEN"', "COMPLETED, FAILED, CRASHED, CANCELLED"],
        ),
        ("notifications: {states: [failed]}", ['"failed"', "FAILED, CRASHED, CANCELLED"]),
        ("notifications: {states: FAILED}", [":1:25: notifications.states: ", "allowed: a list"]),
        ("notifications: {states: null}", [":1:25: notifications.states: ", "allowed: a list"]),
        (
            "notifications: {webhook: [https://chat.example/x]}",
            [":1:17: ", 'did you mean "notifications.webhooks"?'],
        ),
        (
            "notifications: {webhooks: [chat.example/x]}",
            [":1:28: notifications.webhooks", "this is not a URL", "secrets in them as ${NAME}"],
        ),
        ("notifications: {apprise: [mailto]}", ["notifications.apprise", "this is not a URL"]),
        ("notifications: {webhooks: [5]}", ["text is expected, not what stands here"]),
        ("notifications: {allowed_hosts: chat}", ["notifications.allowed_hosts", "a list"]),
        ("notifications: {allowed_hosts: ['']}", ["notifications.allowed_hosts"]),
        (
            "flow_api: {trusted_proxies: [proxy.example]}",
            ["flow_api.trusted_proxies", "no IP address and no network such as 10.0.0.0/8"],
        ),
        (
            "predictor: {workers: 3, first_worker_port: 4240}",
            ["the ports 4240 to 4242 for themselves", "without port 4242"],
        ),
        ("predictor: {workers: 2, first_worker_port: 65535}", ["65535 to 65536", "up to 65535"]),
        ("database: {url: 'mysql://me@h/d'}", ["database.url", "not the URL of a PostgreSQL"]),
        ("database: {url: 'postgresql://h/d'}", ["database.url", "names no user"]),
        (
            "database: {url: 'postgresql://me:swordfish@h/d'}",
            ["database.url", "password in plain text"],
        ),
        (
            "database: {url: 'postgresql://me@h/d?pool=3'}",
            ["database.url", "pool cannot be set here", "sslrootcert"],
        ),
        ("database: {uri: ''}", ['did you mean "database.url"?']),
        ("storage: {url: bucket/models}", ["storage.url", "not a URL such as s3://bucket/folder"]),
        ("storage: {url: 's3://b/a b'}", ["storage.url", "not a URL"]),
        ("storage: {url: 'sftp://me:swordfish@host/x'}", ["storage.url", "password in plain text"]),
        ("storage: {options: [key]}", ["storage.options", "a mapping is expected"]),
        ("storage: {options: {key: swordfish}}", ["key holds a secret in plain text", "${NAME}"]),
        ("storage: {options: {secret: 5}}", ["secret holds a secret in plain text"]),
        ("storage: {uri: 's3://b'}", ['did you mean "storage.url"?']),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_file_is_refused_with_its_place_and_a_way_out(
    configs: Path, text: str, parts: list[str]
) -> None:
    found = complaint(configs, f"{text}\n")

    assert [part for part in parts if part not in found] == [], found
    assert len(found.splitlines()) == 1
    assert found.startswith(f"{configs / 'engine.yaml'}:1:")


def test_all_problems_of_the_file_come_at_once(configs: Path) -> None:
    found = complaint(
        configs, "queue: {max_concurrent: 0}\nretention: {keep_runs: 1}\nnotification: {}\n"
    )

    assert len(found.splitlines()) == 3


@pytest.mark.parametrize(
    "addresses",
    [
        "[chat.example/swordfish]",
        "[[https://chat.example/swordfish]]",
        "[{url: 'https://chat.example/swordfish'}]",
        "https://chat.example/swordfish",
        "[https://swordfish.example/" + "x" * 2048 + "]",
    ],
    ids=["no scheme", "list in a list", "mapping", "no list", "too long"],
)
@pytest.mark.parametrize("key", ["webhooks", "apprise"])
def test_an_address_is_never_repeated_because_most_are_secrets(
    configs: Path, key: str, addresses: str
) -> None:
    found = complaint(configs, f"notifications: {{{key}: {addresses}}}\n")

    assert f"notifications.{key}" in found
    assert "swordfish" not in found


def test_a_name_in_braces_that_yaml_takes_for_its_own_is_told_to_be_put_in_quotes(
    configs: Path,
) -> None:
    # What one gets who puts an address between the brackets of the shipped file.
    found = complaint(configs, "notifications:\n  webhooks: [https://chat.example/hooks/${HOOK}]\n")

    assert ":2:" in found
    assert "quotes" in found


def test_what_the_driver_of_a_storage_has_to_know_is_taken_as_it_is(configs: Path) -> None:
    (configs / "engine.yaml").write_text(
        "storage:\n"
        "  url: s3://factory/models\n"
        "  options:\n"
        "    endpoint_url: http://10.0.0.5:9000\n"
        '    key: "${KEY}"\n'
        '    secret: "${SECRET}"\n'
        "    anon: false\n"
    )

    loaded = load_engine_settings(
        workspace_configs=configs, overrides=["storage.options.max_concurrency=4"]
    )

    assert loaded.settings.storage.url == "s3://factory/models"
    assert loaded.settings.storage.options == {
        "endpoint_url": "http://10.0.0.5:9000",
        "key": "${KEY}",
        "secret": "${SECRET}",
        "anon": False,
        "max_concurrency": 4,
    }


def test_a_secret_of_a_storage_is_never_repeated(configs: Path) -> None:
    found = complaint(configs, "storage: {options: {secret: swordfish, nested: {a: swordfish}}}\n")

    assert "storage.options" in found
    assert "swordfish" not in found


def test_an_existing_prefect_server_is_named_by_its_address(configs: Path) -> None:
    text = 'prefect_server: {url: "https://prefect.example/base/api", auth: "${PREFECT_AUTH}"}'
    settings = loaded(configs, text).prefect_server

    assert (settings.url, settings.auth) == ("https://prefect.example/base/api", "${PREFECT_AUTH}")
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{url: "https://ops:hunter22@prefect.example/api"}', "this is not a URL"),
        ('{url: "ftp://prefect.example"}', "this is not a URL"),
        ('{url: "https://prefect.example/api?key=hunter22"}', "this is not a URL"),
        ("{auth: hunter22}", "secret in plain text"),
        ('{auth: "ops:${NAME}hunter22"}', "secret in plain text"),
    ],
)
def test_its_credentials_stand_nowhere_but_among_the_secrets(
    text: str, said: str, configs: Path
) -> None:
    told = complaint(configs, f"prefect_server: {text}")

    assert said in told
    assert "${NAME}" in told or "password" in told
    assert "hunter22" not in told.replace(f"prefect_server: {text}", "")


def test_a_work_pool_needs_a_storage_that_both_machines_reach(configs: Path) -> None:
    told = complaint(configs, "prefect_server: {work_pool: factory}")
    assert "set storage.url" in told

    text = 'prefect_server: {work_pool: "Factory 2"}\nstorage: {url: "s3://bucket/folder"}'
    assert loaded(configs, text).prefect_server.work_pool == "Factory 2"


@pytest.mark.parametrize("name", ["../x", "a/b", "a%b", " a", "a?b"])
def test_a_work_pool_has_a_name_that_can_be_part_of_an_address(name: str, configs: Path) -> None:
    text = f'prefect_server: {{work_pool: "{name}"}}\nstorage: {{url: "s3://bucket/folder"}}'
    assert "work_pool" in complaint(configs, text)
