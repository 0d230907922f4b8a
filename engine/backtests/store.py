"""The backtests of a workspace on disk: finished, going on, or left unfinished.

    <id>/request.json            what is compared, who measures it
    <id>/lock                    held by the process that does
    <id>/forecasts/<key>-<day>.npz   what is measured already, a file a contender and origin
    <id>/backtest.json           the result, written last and whole: what has it is finished

Nothing here needs numbers: a screen asks for the list again and again.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.atomic import sync_folder, unfinished_folder, write_json
from engine.errors import ConflictError, NotFoundError, StorageError
from engine.locks import FileLock
from engine.processes import is_alive, start_mark

REQUEST_FILE = "request.json"
RESULT_FILE = "backtest.json"
FORECASTS_FOLDER = "forecasts"
_LOCK_FILE = "lock"
_ID = re.compile(r"[0-9a-f]{8}")

FINISHED, RUNNING, UNFINISHED = "finished", "running", "unfinished"

_OF_LISTS = (
    *("id", "name", "state", "created", "process", "done", "total", "dataset", "dataset_name"),
    *("options", "metric", "verdict"),
)
_OF_CONTENDERS_IN_LISTS = (
    *("rank", "name", "kind", "model_type", "version", "problem", "scores", "interval", "seconds"),
)


@dataclass(frozen=True)
class StoredBacktest:
    """A backtest on disk.

    Attributes:
        folder: Where it lies.
        data: What is known of it, as JSON-able data: of a finished one its whole result.
    """

    folder: Path
    data: dict[str, Any]

    @property
    def id(self) -> str:
        """Its id, which is the name of its folder."""
        return self.folder.name

    @property
    def state(self) -> str:
        """FINISHED, RUNNING or UNFINISHED."""
        return str(self.data["state"])

    def summary(self) -> dict[str, Any]:
        """What a list shows of it."""
        contenders = [
            {key: one[key] for key in _OF_CONTENDERS_IN_LISTS} for one in self.data["contenders"]
        ]
        return {**{key: self.data[key] for key in _OF_LISTS}, "contenders": contenders}


class BacktestStore:
    """The backtests of a workspace.

    Args:
        folder: `Workspace.backtests`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> tuple[list[StoredBacktest], list[str]]:
        """Return the backtests, the newest first, and what is wrong with others.

        Raises:
            StorageError: A file cannot be read.
        """
        found, problems = [], []
        for folder in self._folders():
            try:
                found.append(_read(folder))
            except NotFoundError:
                continue  # deleted at this moment, or not begun yet
            except StorageError as error:
                problems.append(str(error))
        found.sort(key=lambda one: float(one.data["created"]), reverse=True)
        return found, problems

    def get(self, text: str | None) -> StoredBacktest:
        """Return the backtest of an id, or of a beginning that only one has; None: the newest.

        Raises:
            NotFoundError: There is none, or more than one.
            StorageError: It cannot be read.
        """
        if text is None:
            found, problems = self.newest()
            finished = [one for one in found if one.state == FINISHED]
            if finished:
                return finished[0]
            if problems:
                raise StorageError(problems[0])
            raise NotFoundError(
                "there is no finished backtest yet", fix="Measure: engine backtest run TYPE ..."
            )
        return _read(self._find(text))

    def delete(self, text: str) -> str:
        """Delete a backtest; return its id.

        Raises:
            NotFoundError: There is none of this id or beginning, or more than one.
            ConflictError: It is being measured.
            StorageError: The disk refuses.
        """
        folder = self._find(text)
        with self._locked(folder):
            self._remove(folder)
        return folder.name

    @contextmanager
    def measuring(self, backtest_id: str, description: Mapping[str, Any]) -> Iterator[Path]:
        """Hold the folder of a backtest while it is measured; made when it does not exist.

        When it is left with nothing in it that could be gone on with, it is removed.

        Args:
            backtest_id: Its id.
            description: What `list` shows of it until it is finished.

        Raises:
            ConflictError: Another process measures it.
            StorageError: The disk refuses.
        """
        folder = self._folder / backtest_id
        forecasts = folder / FORECASTS_FOLDER
        try:
            forecasts.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _refused(error, folder) from error
        with self._locked(folder):
            begun = {**description, "id": backtest_id, "created": time.time()}
            own = {"process": os.getpid(), "mark": start_mark(os.getpid())}
            write_json(folder / REQUEST_FILE, {**begun, **own})
            try:
                yield folder
            finally:
                if any(forecasts.iterdir()) or (folder / RESULT_FILE).exists():
                    write_json(folder / REQUEST_FILE, {**begun, "process": None, "mark": None})
                else:
                    self._remove(folder)

    def measured_elsewhere(self, file_name: str) -> Path | None:
        """Where another backtest has the forecasts of a contender and origin; None if none has."""
        for folder in self._folders():
            path = folder / FORECASTS_FOLDER / file_name
            if path.is_file():
                return path
        return None

    @contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        lock = FileLock(folder / _LOCK_FILE)
        if not lock.acquire(wait=False):
            raise ConflictError(
                "another process measures it at the moment",
                where=f"backtest {folder.name}",
                fix="Wait for it (engine backtest list says how far it is), or end that process",
            )
        try:
            yield
        finally:
            lock.release()

    def _remove(self, folder: Path) -> None:
        try:
            with unfinished_folder(self._folder) as doomed:
                folder.rename(doomed / folder.name)
                sync_folder(self._folder)
        except OSError as error:
            raise _refused(error, folder) from error

    def _find(self, text: str) -> Path:
        folders = self._folders()
        fitting = [folder for folder in folders if text and folder.name.startswith(text)]
        if len(fitting) == 1:
            return fitting[0]
        what = f"{len(fitting)} backtests begin" if fitting else "there is no backtest that begins"
        known = ", ".join(folder.name for folder in fitting or folders)
        raise NotFoundError(f"{what} with {text!r}", fix=f"They are: {known or 'none yet'}")

    def _folders(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _ID.fullmatch(path.name))


def _read(folder: Path) -> StoredBacktest:
    result = _json(folder / RESULT_FILE)
    if result is not None:
        return StoredBacktest(folder, result)
    request = _json(folder / REQUEST_FILE)
    if request is None:
        raise NotFoundError(f"there is no backtest {folder.name!r}")
    lives = is_alive(request["process"], request.pop("mark"))
    files = folder / FORECASTS_FOLDER
    done = sum(1 for _ in files.glob("*.npz")) if files.is_dir() else 0
    state = {"state": RUNNING if lives else UNFINISHED, "done": done}
    return StoredBacktest(
        folder, {**request, **state, "process": request["process"] if lives else None}
    )


def _json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None when there is no such file."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValueError as error:
        raise StorageError(
            f"this is not JSON any more: {error}",
            where=str(path),
            fix=f"Delete it: engine backtest delete {path.parent.name}",
        ) from error
    return found


def _refused(error: OSError, folder: Path) -> StorageError:
    return StorageError(
        f"cannot be written: {error.strerror or error}",
        where=str(folder),
        fix="Free some space or check the permissions of the workspace",
    )
