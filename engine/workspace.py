"""Where everything lies on disk: one folder, private to its user, one engine each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StorageError

ENVIRONMENT_VARIABLE = "MLOPS_WORKSPACE"


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
                self.prefect_home,
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
    def prefect_home(self) -> Path:
        """Home of the embedded Prefect server: its database, its connection file, its locks."""
        return self.root / "prefect"

    @property
    def database(self) -> Path:
        """The engine's own small table of runs."""
        return self.root / "engine.db"


def _default_root() -> Path:
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home) / "mlops-tui"
