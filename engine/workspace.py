"""Where everything lies on disk: one folder, private to its user, one engine each."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StorageError

ENVIRONMENT_VARIABLE = "MLOPS_WORKSPACE"

_LONGEST_SOCKET_PATH = 107
_SHORT_ROOT = Path("/tmp")


@dataclass(frozen=True)
class Workspace:
    """The folder layout of one workspace.

    Nothing else joins path names to the root: a path that is not here does not exist.
    """

    root: Path

    @classmethod
    def locate(cls, option: str | os.PathLike[str] | None = None) -> Workspace:
        """Return the workspace that `--workspace`, the environment or the XDG default names.

        Args:
            option: What the user gave on the command line, if anything.
        """
        chosen = option or os.environ.get(ENVIRONMENT_VARIABLE) or _default_root()
        return cls(Path(chosen).expanduser().absolute())

    def create(self) -> Workspace:
        """Make the folders that are missing, readable by this user alone.

        Raises:
            StorageError: When the folder cannot be made or written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for folder in (
                self.configs,
                self.data,
                self.datasets,
                self.central_storage,
                self.runs,
                self.backtests,
                self.prefect_home,
                self.predictor,
            ):
                folder.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(
                f"the workspace cannot be written: {error.strerror}",
                where=str(error.filename or self.root),
                fix=f"Choose another folder with --workspace or {ENVIRONMENT_VARIABLE}",
            ) from error
        return self

    @property
    def configs(self) -> Path:
        """The user's own YAML files; each key in them overrides the shipped one."""
        return self.root / "configs"

    @property
    def data(self) -> Path:
        """Input files that the engine itself fetched or generated."""
        return self.root / "data"

    @property
    def datasets(self) -> Path:
        """Prepared datasets, one folder a content hash."""
        return self.root / "datasets"

    @property
    def central_storage(self) -> Path:
        """Immutable model versions and the aliases that point at them."""
        return self.root / "central_storage"

    @property
    def runs(self) -> Path:
        """One folder a flow run."""
        return self.root / "runs"

    def run_folder(self, run_id: str) -> Path:
        """The folder of one run: config.yaml, log, progress.jsonl, result.json."""
        return self.runs / run_id

    @property
    def searches(self) -> Path:
        """What searches have tried so far, one folder each, until the run has saved its model."""
        return self.root / "searches"

    @property
    def backtests(self) -> Path:
        """Comparisons of model types, one folder each."""
        return self.root / "backtests"

    @property
    def prefect_home(self) -> Path:
        """Home of the embedded Prefect server: its database, its connection file, its locks."""
        return self.root / "prefect"

    @property
    def database(self) -> Path:
        """The engine's own small database: runs, schedules, notifications."""
        return self.root / "engine.db"

    @property
    def databases(self) -> list[Path]:
        """The SQLite files that there are, of whichever part of the engine, the engine's first."""
        others = sorted(set(self.root.glob("*.db")) - {self.database})
        places = [self.database, *others]
        places += [self.central_storage / "aliases.db", self.prefect_home / "prefect.db"]
        return [path for path in places if path.is_file()]

    @property
    def backups(self) -> Path:
        """Where backups of the databases are written, unless another place is named."""
        return self.root / "backups"

    @property
    def restoring(self) -> Path:
        """There while the files of a backup take their places, and after one that was cut short."""
        return self.root / "restore.json"

    @property
    def mlflow_database(self) -> Path:
        """What MLflow knows, where no server of its own is named."""
        return self.root / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        """Files of runs and versions that `mlflow_database` knows of."""
        return self.root / "mlflow"

    @property
    def mirror_lock(self) -> Path:
        """Held by the process that mirrors to MLflow; one at a time."""
        return self.root / "mirror.lock"

    @property
    def actuals(self) -> Path:
        """What came, as people and other programs told it."""
        return self.root / "actuals.db"

    @property
    def drift_lock(self) -> Path:
        """Held by whoever checks for drift; one at a time."""
        return self.root / "drift.lock"

    @property
    def depot_lock(self) -> Path:
        """Held by the process that sweeps the shared storage; one at a time."""
        return self.root / "depot.lock"

    @property
    def worker_lock(self) -> Path:
        """Held by the worker that does runs of others here; one a workspace."""
        return self.root / "worker.lock"

    @property
    def secrets(self) -> Path:
        """What `${NAME}` in a configuration stands for; the user's own file."""
        return self.root / "secrets.env"

    @property
    def token(self) -> Path:
        """Its owner's own token: who can read it may do everything over the network."""
        return self.root / "token"

    @property
    def tokens(self) -> Path:
        """Hashes of the tokens that were made for others, with what each may do."""
        return self.root / "tokens.json"

    @property
    def audit(self) -> Path:
        """Who changed, or wanted to change, something over the network: a JSON object a line."""
        return self.root / "audit.jsonl"

    @property
    def predictor(self) -> Path:
        """The predictor's own folder: its records, locks, logs, metrics, forecasts served."""
        return self.root / "predictor"

    def predictor_lock(self, index: int) -> Path:
        """Held by a worker of the predictor; one an index."""
        return self.predictor / f"worker-{index}.lock"

    def predictor_record(self, index: int) -> Path:
        """Where a worker of the predictor answers, written when it does."""
        return self.predictor / f"worker-{index}.json"

    @property
    def engine_lock(self) -> Path:
        """Held by the running engine; one per workspace."""
        return self.root / "engine.lock"

    @property
    def engine_start_lock(self) -> Path:
        """Held by the client that starts the engine; one at a time."""
        return self.root / "engine.start.lock"

    @property
    def engine_log(self) -> Path:
        """What the engine itself has to say."""
        return self.root / "engine.log"

    def errand_log(self, name: str) -> Path:
        """What a short process of the engine had to say the last time."""
        return self.root / f"{name}.log"

    @property
    def socket(self) -> Path:
        """Where the engine listens for its own user's clients.

        A socket's path may have at most 107 bytes; that of a deeper workspace lies in a folder for
        such, private to the user, under a name made from the workspace's path.
        """
        # Whichever way leads to a workspace, it has one socket.
        root = self.root.resolve()
        beside = root / "engine.sock"
        if len(os.fsencode(beside)) <= _LONGEST_SOCKET_PATH:
            return beside
        digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        return _socket_folder() / f"{digest}.sock"


def _socket_folder() -> Path:
    # Not XDG_RUNTIME_DIR: a cron job does not have it, and it goes away with the last login, while
    # the engine stays.
    folder = _SHORT_ROOT / f"mlops-tui-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise StorageError(
            f"cannot be made: {error.strerror}", where=str(folder), fix="Choose a shorter workspace"
        ) from error
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or not stat.S_ISDIR(status.st_mode):
        raise StorageError(
            "is not a folder of yours alone", where=str(folder), fix="Choose a shorter workspace"
        )
    return folder


def _default_root() -> Path:
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home) / "mlops-tui"
