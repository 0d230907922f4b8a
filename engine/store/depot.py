"""What machines hand to each other while a model comes to be: data sets, candidates, evaluations.

Beside the versions, below the same URL: `datasets/<id>/`, `candidates/<run>/`,
`evaluations/<run>/`, each with an index of its files and their hashes. No rename there is atomic:
the index is written last, and without it there is nothing. What is fetched is held against it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from engine.atomic import publish_folder, unfinished_folder
from engine.checksums import file_facts
from engine.errors import DataError, StorageError
from engine.store.shared_folder import SharedFolder

DATASETS = "datasets"
CANDIDATES = "candidates"
EVALUATIONS = "evaluations"

_INDEX = "index.json"
_MOST_INDEX_BYTES = 64 << 20
_CHUNK = 1 << 20


class Depot(SharedFolder):
    """The folders that machines share below one fsspec URL."""

    def has(self, kind: str, name: str) -> bool:
        """Whether it is there, whole.

        Raises:
            StorageError: Nobody can say.
        """
        with self._guarded(f"{kind} {name} cannot be looked for"):
            return bool(self._files.exists(f"{self._top}/{kind}/{name}/{_INDEX}"))

    def put(self, kind: str, name: str, folder: Path, *, home: str = "") -> None:
        """Copy a folder there, unless it is there.

        Args:
            kind: DATASETS, CANDIDATES or EVALUATIONS.
            name: Its id.
            folder: The folder; links in it are left out.
            home: The workspace that it belongs to, which will sweep it; "" when it is nobody's.

        Raises:
            StorageError: It cannot be written; it is not there then.
        """
        if self.has(kind, name):
            return
        target = f"{self._top}/{kind}/{name}"
        files: dict[str, Any] = {}
        with self._guarded(f"{kind} {name} cannot be written"):
            for path in sorted(folder.rglob("*")):
                if path.is_symlink() or not path.is_file():
                    continue
                inside = path.relative_to(folder).as_posix()
                files[inside] = file_facts(path)
                self._make_folder(f"{target}/{inside}".rpartition("/")[0])
                self._files.put_file(str(path), f"{target}/{inside}")
            self._make_folder(target)
            index = {"home": home, "files": files}
            self._files.pipe_file(f"{target}/{_INDEX}", json.dumps(index).encode())

    def fetch(self, kind: str, name: str, final: Path) -> bool:
        """Copy it here, verified, unless a folder is here; False when it is not there either.

        Raises:
            DataError: It is not what was written.
            StorageError: It cannot be read, or the disk refuses.
        """
        if final.is_dir():
            return True
        index = self._index(kind, name)
        if index is None:
            return False
        try:
            final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with unfinished_folder(final.parent) as temporary:
                for inside, facts in index.items():
                    self._fetch_file(f"{self._top}/{kind}/{name}/{inside}", temporary, inside)
                    if file_facts(temporary / inside) != facts:
                        raise self._changed(kind, name, inside)
                publish_folder(temporary, final)
        except OSError as error:
            raise StorageError(
                f"{kind} {name} cannot be kept: {error.strerror or error}",
                where=str(final),
                fix="Free some space or check the permissions of the workspace",
            ) from error
        return True

    def names(self, kind: str) -> list[str]:
        """What there is of a kind; not all of it need be whole.

        Raises:
            StorageError: It cannot be listed.
        """
        with self._guarded("cannot be listed"):
            return self._names_in(f"{self._top}/{kind}")

    def home_of(self, kind: str, name: str) -> str | None:
        """The workspace that it belongs to, "" when it is nobody's; None when it is not there."""
        document = self._document(kind, name)
        return None if document is None else str(document.get("home", ""))

    def delete(self, kind: str, name: str) -> None:
        """Delete it, or what is left of it.

        Raises:
            StorageError: It cannot be deleted.
        """
        target = f"{self._top}/{kind}/{name}"
        with self._guarded(f"{kind} {name} cannot be deleted"):
            if self._files.exists(f"{target}/{_INDEX}"):
                self._files.rm_file(f"{target}/{_INDEX}")
            if self._files.exists(target):
                self._files.rm(target, recursive=True)

    def _document(self, kind: str, name: str) -> dict[str, Any] | None:
        path = f"{self._top}/{kind}/{name}/{_INDEX}"
        with self._guarded(f"{kind} {name} cannot be read"):
            if not self._files.exists(path):
                return None
            if self._files.size(path) > _MOST_INDEX_BYTES:
                raise self._changed(kind, name, _INDEX)
            content = self._files.cat_file(path)
        try:
            document = json.loads(content)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise self._changed(kind, name, _INDEX)
        return document

    def _index(self, kind: str, name: str) -> dict[str, Any] | None:
        document = self._document(kind, name)
        if document is None:
            return None
        files = document.get("files")
        # Names lead nowhere but into the folder: who can write there is not trusted with this disk.
        if not isinstance(files, dict) or not files or not all(map(_is_inside, files)):
            raise self._changed(kind, name, _INDEX)
        return files

    def _fetch_file(self, source: str, folder: Path, inside: str) -> None:
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (
            self._guarded(f"{source} cannot be fetched"),
            self._files.open(source, "rb") as file,
            target.open("xb") as sink,
        ):
            shutil.copyfileobj(file, sink, _CHUNK)

    def _changed(self, kind: str, name: str, inside: str) -> DataError:
        return DataError(
            f"{kind} {name} is not what was written there: {inside}",
            where=self.place,
            fix=f"Remove {kind}/{name} there, and make it again",
        )


def _is_inside(name: object) -> bool:
    if not isinstance(name, str) or not name or "\\" in name or "\0" in name:
        return False
    return all(part not in ("", ".", "..") for part in name.split("/"))
