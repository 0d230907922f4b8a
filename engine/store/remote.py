"""Versions that several machines share: in an object store, on a file server, by an fsspec URL.

No rename there is atomic, so the order of writing is what keeps a version whole: its bundle goes
first, its lineage last, and without the lineage there is no version. Deleting goes the other way.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.store.layout import BUNDLE_FOLDER, LINEAGE_FILE
from engine.store.shared_folder import SharedFolder

# An upload that goes on must not be taken for one that was given up.
_ABANDONED_SECONDS = 86_400.0


class RemoteVersions(SharedFolder):
    """The versions below one fsspec URL."""

    @property
    def _root(self) -> str:
        return f"{self._top}/versions"

    def names(self) -> list[str]:
        """Names of what lies where the versions are; not all of it need be a version.

        Raises:
            StorageError: They cannot be listed.
        """
        with self._guarded("cannot be listed"):
            return self._names_in(self._root)

    def lineages(self, names: Sequence[str]) -> dict[str, bytes]:
        """Read the lineages of those of these versions that exist, at once.

        Raises:
            StorageError: They cannot be read.
        """
        if not names:
            return {}
        with self._guarded("cannot be read"):
            paths = {f"{self._root}/{name}/{LINEAGE_FILE}": name for name in names}
            found = self._files.cat(list(paths), on_error="return")
            for answer in found.values():
                if isinstance(answer, Exception) and not isinstance(answer, FileNotFoundError):
                    raise answer
        return {paths[path]: answer for path, answer in found.items() if isinstance(answer, bytes)}

    def fetch(self, name: str, folder: Path) -> None:
        """Copy a version into an empty folder.

        Raises:
            StorageError: It cannot be read.
        """
        bundle = folder / BUNDLE_FOLDER
        bundle.mkdir()
        with self._guarded(f"version {name} cannot be fetched"):
            for path in self._files.ls(f"{self._root}/{name}/{BUNDLE_FOLDER}", detail=False):
                file_name = str(path).rpartition("/")[2]
                self._files.get_file(str(path), str(bundle / file_name))
            self._files.get_file(f"{self._root}/{name}/{LINEAGE_FILE}", str(folder / LINEAGE_FILE))

    def put(self, name: str, folder: Path) -> None:
        """Copy a version there, unless it is there.

        Raises:
            StorageError: It cannot be written; there is no version of this name then.
        """
        with self._guarded(f"version {name} cannot be written"):
            target = f"{self._root}/{name}"
            if self._files.exists(f"{target}/{LINEAGE_FILE}"):
                return
            self._make_folder(f"{target}/{BUNDLE_FOLDER}")
            for path in sorted((folder / BUNDLE_FOLDER).iterdir()):
                self._files.put_file(str(path), f"{target}/{BUNDLE_FOLDER}/{path.name}")
            self._files.pipe_file(f"{target}/{LINEAGE_FILE}", (folder / LINEAGE_FILE).read_bytes())

    def delete(self, name: str) -> None:
        """Delete a version, or what is left of one.

        Raises:
            StorageError: It cannot be deleted.
        """
        with self._guarded(f"version {name} cannot be deleted"):
            target = f"{self._root}/{name}"
            if self._files.exists(f"{target}/{LINEAGE_FILE}"):
                self._files.rm_file(f"{target}/{LINEAGE_FILE}")
            self._files.rm(target, recursive=True)

    def abandoned(self) -> list[str]:
        """Names of uploads that were given up: a day old, and no lineage came.

        Raises:
            StorageError: They cannot be listed.
        """
        names = self.names()
        whole = self.lineages(names)
        with self._guarded("cannot be listed"):
            return [name for name in names if name not in whole and self._is_old(name)]

    def _is_old(self, name: str) -> bool:
        files = self._files.find(f"{self._root}/{name}", detail=True).values()
        times = [moment for file in files if (moment := _modified(file)) is not None]
        return bool(times) and max(times) < time.time() - _ABANDONED_SECONDS


def _modified(file: Mapping[str, Any]) -> float | None:
    """When a file was written: drivers say it in different words."""
    for word in ("LastModified", "mtime", "last_modified", "updated", "created"):
        moment = file.get(word)
        if moment is not None:
            return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)
    return None
