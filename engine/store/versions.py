"""Immutable versions: a verified serving bundle and the story of how it came to be.

A version's id is made from its content, so the same model is the same version, and a version that
exists is never written again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.atomic import publish_folder, sync_folder
from engine.errors import ModelError, NotFoundError, StorageError
from models.errors import ModelProblem
from models.forecasting.bundle import MANIFEST_FILE, ServingModel, open_bundle, verify_bundle

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

_LINEAGE_FILE = "lineage.json"
_BUNDLE_FOLDER = "bundle"
_TEMPORARY_PREFIX = ".tmp-"
_HASH_CHARACTERS = 12


@dataclass(frozen=True)
class Version:
    """One version.

    Attributes:
        id: `<model type>-<content hash>`.
        model_type: Registered name of the model.
        created: Seconds since the epoch.
        folder: Where it lies.
        lineage: Data hash, configuration, code version, seed, metrics of every fold, run ids.
    """

    id: str
    model_type: str
    created: float
    folder: Path
    lineage: dict[str, Any]

    @property
    def bundle(self) -> Path:
        """Folder of the serving bundle."""
        return self.folder / _BUNDLE_FOLDER

    def open(self) -> ServingModel:
        """Verify the bundle and load it for serving.

        Raises:
            ModelError: A file was changed, is missing, or the golden forecast comes out different.
        """
        try:
            return open_bundle(self.bundle)
        except ModelProblem as problem:
            raise ModelError(
                f"the bundle does not verify: {problem}",
                where=f"version {self.id}",
                fix="Deploy another version; this one is not served",
            ) from problem

    def to_dict(self) -> dict[str, Any]:
        """The version as JSON-able data."""
        return {**asdict(self), "folder": str(self.folder)}


class VersionStore:
    """The versions below one folder."""

    def __init__(self, central_storage: Path) -> None:
        self._root = central_storage / "versions"

    def add(self, bundle: Path, *, created: float, lineage: Mapping[str, Any]) -> Version:
        """Copy a bundle in as a new version, or return the version that already has this content.

        Raises:
            ModelError: The bundle does not verify.
            StorageError: The disk refuses.
        """
        try:
            manifest = verify_bundle(bundle)
        except ModelProblem as problem:
            raise ModelError(f"the bundle does not verify: {problem}", where=str(bundle)) from (
                problem
            )
        content = hashlib.sha256((bundle / MANIFEST_FILE).read_bytes()).hexdigest()
        model_type = str(manifest["model_type"])
        slug = re.sub(r"[^a-z0-9]+", "-", model_type.lower()).strip("-")
        version_id = f"{slug}-{content[:_HASH_CHARACTERS]}"
        final = self._root / version_id
        if not final.is_dir():
            self._write(bundle, final, {"model_type": model_type, "created": created, **lineage})
        return self.get(version_id)

    def _write(self, bundle: Path, final: Path, lineage: Mapping[str, Any]) -> None:
        try:
            self._root.mkdir(exist_ok=True, mode=0o700)
            temporary = Path(tempfile.mkdtemp(dir=self._root, prefix=_TEMPORARY_PREFIX))
        except OSError as error:
            raise StorageError(
                f"cannot be written: {error.strerror}", where=str(self._root)
            ) from error
        try:
            shutil.copytree(bundle, temporary / _BUNDLE_FOLDER)
            text = json.dumps(lineage, indent=2, ensure_ascii=False, allow_nan=False)
            (temporary / _LINEAGE_FILE).write_text(text + "\n", encoding="utf-8")
            publish_folder(temporary, final)
        except OSError as error:
            # An error of copytree has no strerror, only a list of what went wrong.
            reason = error.strerror or error
            raise StorageError(f"cannot be written: {reason}", where=str(final)) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def get(self, version_id: str) -> Version:
        """Return one version.

        Raises:
            NotFoundError: There is none of this id.
        """
        if not self._is_version(version_id):
            known = ", ".join(version.id for version in self.newest(5)) or "none yet"
            raise NotFoundError(f"there is no version {version_id!r}", fix=f"Newest: {known}")
        folder = self._root / version_id
        lineage = json.loads((folder / _LINEAGE_FILE).read_text(encoding="utf-8"))
        return Version(
            id=version_id,
            model_type=lineage.pop("model_type"),
            created=lineage.pop("created"),
            folder=folder,
            lineage=lineage,
        )

    def delete(self, version_id: str) -> None:
        """Delete a version; who reads it at the moment sees all of it or none.

        Raises:
            NotFoundError: There is none of this id.
            StorageError: The disk refuses.
        """
        folder = self.get(version_id).folder
        try:
            doomed = Path(tempfile.mkdtemp(dir=self._root, prefix=_TEMPORARY_PREFIX))
            folder.rename(doomed / version_id)
            sync_folder(self._root)
            shutil.rmtree(doomed)
        except OSError as error:
            raise StorageError(f"cannot be deleted: {error.strerror}", where=str(folder)) from error

    def newest(self, limit: int | None = None) -> list[Version]:
        """Return the versions, the newest first."""
        if not self._root.is_dir():
            return []
        versions = [
            self.get(folder.name)
            for folder in self._root.iterdir()
            if self._is_version(folder.name)
        ]
        return sorted(versions, key=lambda version: version.created, reverse=True)[:limit]

    def _is_version(self, name: str) -> bool:
        # A name from outside never becomes a path before it has the form of an id.
        return bool(ID_PATTERN.fullmatch(name)) and (self._root / name / _LINEAGE_FILE).is_file()
