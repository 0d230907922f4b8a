"""Every setting of the engine itself, with its type, range, default and documentation."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from engine.config.values import (
    POOL_PATTERN,
    Addresses,
    Allowed,
    DaskAddress,
    Id,
    Name,
    Names,
    Networks,
    PostgresUrl,
    PrefectUrl,
    Secret,
    Section,
    ServerUrl,
    StorageOptions,
    StorageUrl,
    TimeZone,
    conflict,
    frozen_list,
)


class PrefectServerSettings(Section):
    """The Prefect server that records runs: the engine's own, or one that is there already.

    url and host hold from the engine's next start on: engine restart.
    """

    url: PrefectUrl = ""
    """Address of the API of an existing Prefect server, with /api at its end; nothing: the
    engine's own server."""

    auth: Secret = ""
    """What the existing server asks for: user:password, or an API key. ${NAME} stands for a line
    of secrets.env."""

    host: Name = "127.0.0.1"
    """Address on which the engine's own server listens: 127.0.0.1 for this machine alone, 0.0.0.0
    for workers on other machines too. It asks for the credentials that it was made with."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """TCP port of the engine's own server (0 to 65535). 0: any free port."""

    work_pool: Annotated[str, Field(max_length=64, pattern=POOL_PATTERN)] = ""
    """Work pool of Prefect that data_flow, train_flow and eval_flow are done by, on other machines
    (engine worker); nothing: on this one. It needs storage.url."""

    lost_after_seconds: Annotated[int, Field(ge=10, le=86_400)] = 90
    """How long nothing may be heard of a run on another machine before it counts as crashed
    (10 to 86400)."""

    start_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 90
    """How long the server may take to answer before its start counts as failed (1 to 3600)."""

    idle_exit_seconds: Annotated[int, Field(ge=1, le=604_800)] = 120
    """How long the server stays up when the engine is gone and no run goes on (1 to 604800)."""


class PredictorSettings(Section):
    """The predictor: answers for deployed models by HTTP.

    What is changed here holds from its next start on: engine restart.
    """

    enabled: bool = True
    """Whether the engine keeps a predictor running: true or false."""

    host: Name = "127.0.0.1"
    """Address to listen on: 127.0.0.1 for this machine alone. Forecasts need no token: another
    address belongs into a network where everybody may ask for them."""

    port: Annotated[int, Field(ge=0, le=65535)] = 4242
    """TCP port (0 to 65535). 0: any free port."""

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that share the port (1 to 64); one answers thousands of requests a second."""

    first_worker_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """A port that the first worker has for itself beside the shared one, the second has the next
    one and so on (0 to 65535): a proxy that knows each of them loses no request when one dies. 0:
    none."""

    allowed_hosts: Names = ()
    """Host names under which it is reached, such as that of a proxy; others are refused."""

    keep_mb: Annotated[int, Field(ge=0, le=100_000)] = 64
    """Size within which the newest forecasts of named series are kept, in MiB, so that they can be
    held against what came (to 100000); the classes that pictures were given are kept within the
    same. 0: none are kept."""

    @model_validator(mode="after")
    def _check_ports(self) -> Self:
        first, last = self.first_worker_port, self.first_worker_port + self.workers - 1
        if first and (last > 65535 or first <= self.port <= last):
            raise conflict(
                f"{self.workers} workers would have the ports {first} to {last} for themselves; "
                f"choose others, up to 65535, without port {self.port}",
                "first_worker_port",
                "workers",
            )
        return self


class HttpSettings(Section):
    """A port on which the engine answers others than its own user's terminal.

    Who reads on this very machine needs no token; everything else does (engine token create).
    """

    enabled: bool = True
    """Whether it is open: true or false."""

    host: Name = "127.0.0.1"
    """Address to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for all networks; others
    than this machine are let in once there is a token for them."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """TCP port (0 to 65535). 0: any free port."""

    allowed_hosts: Names = ()
    """Host names under which it is reached, such as that of a proxy; others are refused."""

    trusted_proxies: Networks = ()
    """Addresses or networks of proxies that are believed whom they forward: wrong tokens then
    count against the sender, and the audit names him. Nobody else's word is taken."""


class FlowApiSettings(HttpSettings):
    """The flow API: launches, monitoring data, runs, models and schedules over HTTP."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8686
    """TCP port of the flow API (0 to 65535). 0: any free port."""


class WebPageSettings(HttpSettings):
    """The page /flow-monitoring, and what it needs of the flow API."""

    port: Annotated[int, Field(ge=0, le=65535)] = 4243
    """TCP port of the web page (0 to 65535). 0: any free port."""


Limit = Annotated[int, Field(ge=0, le=1000)]


class FlowLimits(Section):
    """Runs at once of a single flow; 0: no limit of its own."""

    data_flow: Limit = 0
    """Runs of data_flow at once: 1 to 1000, or 0 for no limit of its own."""

    train_flow: Limit = 0
    """Runs of train_flow at once: 1 to 1000, or 0 for no limit of its own."""

    eval_flow: Limit = 0
    """Runs of eval_flow at once: 1 to 1000, or 0 for no limit of its own."""

    deploy_flow: Limit = 1
    """Runs of deploy_flow at once: 1 to 1000, or 0 for no limit of its own."""

    full_flow: Limit = 0
    """Runs of full_flow at once: 1 to 1000, or 0 for no limit of its own."""


class QueueSettings(Section):
    """How many runs may go on at once; the others wait, and say what for."""

    max_concurrent: Annotated[int, Field(ge=1, le=1000)] = 2
    """Runs at once, of all flows together (1 to 1000)."""

    per_flow: FlowLimits = FlowLimits()
    """Runs at once of a single flow."""


class RunSettings(Section):
    """The process of one flow run."""

    start_method: Literal["auto", "fork", "spawn"] = "auto"
    """How its process is made. fork: a copy of a process that has imported everything, ready in a
    tenth of a second (Linux). spawn: a new interpreter, which imports for seconds. auto: fork
    where it works."""

    nice: Annotated[int, Field(ge=0, le=19)] = 5
    """How far a run steps back behind interactive and serving processes: 0 (not at all) to 19."""

    memory_limit_mb: Annotated[int, Field(ge=0, le=1_048_576)] = 0
    """Memory that a run may ask for beyond the libraries, in MiB; one that needs more fails and
    says so. 0: no limit, up to 1048576."""

    log_max_mb: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Size that the log of a run is kept within, in MiB; the beginning and the newest lines stay
    (1 to 10000)."""

    cancel_grace_seconds: Annotated[int, Field(ge=0, le=600)] = 5
    """How long a cancelled run may take to write its checkpoint before it is killed
    (0 to 600)."""

    dask_scheduler: DaskAddress = ""
    """Address of a Dask scheduler, such as tcp://host:8786, whose workers do the trials of `auto`
    (pip install 'mlops-tui[dask]'); nothing: processes of the run itself."""


class RetentionSettings(Section):
    """Which ended runs are kept; deployed versions are not touched."""

    keep_runs: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    """How many runs are kept, the newest first (10 to 1000000)."""

    keep_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """Days after which a run is deleted: 0 (never) to 36500."""


class NotificationSettings(Section):
    """Who is told when a run ends."""

    states: Annotated[
        tuple[Literal["COMPLETED", "FAILED", "CRASHED", "CANCELLED"], ...],
        BeforeValidator(frozen_list),
        Allowed("a list of COMPLETED, FAILED, CRASHED, CANCELLED"),
    ] = ("FAILED", "CRASHED")
    """Ends of runs about which somebody is told."""

    webhooks: Addresses = ()
    """Addresses that get the run as JSON by HTTP POST. ${NAME} stands for a line of secrets.env."""

    apprise: Addresses = ()
    """Apprise URLs (mail, Slack, Teams, Telegram and a hundred others). ${NAME} stands for a line
    of secrets.env."""

    allowed_hosts: Names = ()
    """Hosts that a webhook may address although they are this very machine or only local to it."""


class DatabaseSettings(Section):
    """Where Prefect and MLflow have their tables; the engine's own lie in the workspace."""

    url: PostgresUrl = ""
    """A PostgreSQL database for both, such as postgresql://user:${DB_PASSWORD}@host/name, with
    sslmode and sslrootcert after a question mark; nothing: SQLite files in the workspace. What is
    changed here holds from the next start of the Prefect server on: engine restart. ${NAME} stands
    for a line of secrets.env."""


class StorageSettings(Section):
    """Where deployed versions lie; which of them serves is kept in each workspace."""

    url: StorageUrl = ""
    """Folder that machines share, as a URL of fsspec (s3, gs, az, sftp, file and others);
    nothing: the workspace itself."""

    options: StorageOptions = Field(default_factory=dict)
    """What its driver has to know, such as endpoint_url, key and secret of an S3 server. ${NAME}
    stands for a line of secrets.env."""


class TrackingSettings(Section):
    """Runs and versions, mirrored to MLflow when a run has ended; no run waits for it.

    Who may write there is said by the environment or secrets.env: MLFLOW_TRACKING_USERNAME and
    MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.
    """

    enabled: bool = True
    """Whether they are mirrored: true or false."""

    url: ServerUrl = ""
    """An MLflow server, such as https://mlflow.example, or a database; nothing: what
    MLFLOW_TRACKING_URI says, or else mlflow.db in the workspace."""

    registry_url: ServerUrl = ""
    """Where versions are registered, if not there too; nothing: what MLFLOW_REGISTRY_URI says, or
    else the same."""

    experiment: Name = "mlops-tui"
    """The experiment that runs are in; made when it does not exist."""

    model_name: Id = "mlops-tui"
    """How the names of registered models begin; the data type follows:
    models:/mlops-tui-timeseries@champion."""


class DriftSettings(Section):
    """When what serves has drifted from what it learnt from, and what happens then."""

    on_drift: Literal["none", "notify", "retrain"] = "notify"
    """What is done when a version has drifted. none: it is told where one looks. notify: those
    under notifications are told. retrain: full_flow is launched as well; its gate decides."""

    check_every_minutes: Annotated[int, Field(ge=0, le=10_080)] = 60
    """How often new forecasts and actual values are looked at, in minutes: 1 to 10080 (a week).
    0: only when somebody asks (engine drift)."""

    window_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Days whose forecasts are held against what was learnt from (1 to 365)."""

    min_forecasts: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    """Answers of these days below which nothing is said (1 to 1000000)."""

    psi: Annotated[float, Field(ge=0.05, le=10.0)] = 0.25
    """Population stability index above which a feature has drifted (0.05 to 10)."""

    error_ratio: Annotated[float, Field(ge=1.0, le=100.0)] = 1.5
    """Live error over that of the test above which a version has drifted (1 to 100)."""

    in_a_row: Annotated[int, Field(ge=1, le=100)] = 2
    """Checks that have to find drift one after the other before anything is done (1 to 100)."""

    cooldown_hours: Annotated[float, Field(ge=0.0, le=8760.0)] = 24.0
    """Hours after a message or a training in which there is no other for this kind of data
    (0 to 8760)."""


class EngineSettings(Section):
    """Settings that hold for every run of the workspace."""

    @model_validator(mode="after")
    def _pool_has_storage(self) -> EngineSettings:
        if self.prefect_server.work_pool and not self.storage.url:
            raise conflict(
                "runs in a work pool hand data sets and models to this machine by way of a storage "
                "that both reach: set storage.url, or no prefect_server.work_pool",
                "prefect_server.work_pool",
                "storage.url",
            )
        return self

    timezone: TimeZone = "local"
    """Time zone of the times that people see: local (this machine's) or an IANA name."""

    queue: QueueSettings = QueueSettings()
    """How many runs may go on at once."""

    run: RunSettings = RunSettings()
    """The process of one flow run."""

    retention: RetentionSettings = RetentionSettings()
    """Which ended runs are kept."""

    notifications: NotificationSettings = NotificationSettings()
    """Who is told when a run ends."""

    prefect_server: PrefectServerSettings = PrefectServerSettings()
    """The Prefect server."""

    predictor: PredictorSettings = PredictorSettings()
    """Forecasts by HTTP."""

    flow_api: FlowApiSettings = FlowApiSettings()
    """Launches and monitoring by HTTP."""

    web_page: WebPageSettings = WebPageSettings()
    """Runs in the browser."""

    database: DatabaseSettings = DatabaseSettings()
    """The tables of Prefect and MLflow."""
    drift: DriftSettings = DriftSettings()
    """When what serves has drifted, and what happens then."""

    storage: StorageSettings = StorageSettings()
    """Deployed versions of models."""

    tracking: TrackingSettings = TrackingSettings()
    """Runs and versions in MLflow."""
