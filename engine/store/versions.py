"""Immutable versions: a verified serving bundle and the story of how it came to be.

A version's id is made from its content, so the same model is the same version, and a version that
exists is never written again.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.atomic import publish_folder, sync_folder, unfinished_folder
from engine.errors import ModelError, NotFoundError, StorageError
from engine.ids import is_id
from engine.store.layout import BUNDLE_FOLDER, LINEAGE_FILE
from engine.store.remote import RemoteVersions
from models.data_types import TIMESERIES
from models.errors import ModelProblem

# Who lists versions or moves aliases opens no bundle, and must not wait for numpy.
if TYPE_CHECKING:
    from models.forecasting.serving_model import ServingModel
    from models.imaging.serving_classifier import ServingClassifier

_HASH_CHARACTERS = 12


@dataclass(frozen=True)
class Version:
    """One version.

    Attributes:
        id: `<model type>-<content hash>`.
        model_type: Registered name of the model.
        data_type: What it is for: timeseries or image.
        created: Seconds since the epoch.
        folder: Where it lies on this machine, once it is here.
        lineage: Data hash, configuration, code version, seed, metrics of every fold, run ids.
    """

    id: str
    model_type: str
    data_type: str
    created: float
    folder: Path
    lineage: dict[str, Any]
    _bring: Callable[[str], None] = field(repr=False, compare=False)

    @property
    def last_day_seen(self) -> str:
        """The last day that it was trained on, as YYYY-MM-DD."""
        return str(self.lineage["training"]["last_day_seen"])

    @property
    def bundle(self) -> Path:
        """Folder of the serving bundle, on this machine.

        Raises:
            StorageError: It has to be fetched, and cannot be.
            ModelError: What was fetched does not verify.
        """
        self._bring(self.id)
        return self.folder / BUNDLE_FOLDER

    def open(self) -> ServingModel | ServingClassifier:
        """Verify the bundle and load it for serving.

        Raises:
            ModelError: A file was changed, is missing, or a golden answer comes out different.
            StorageError: It has to be fetched, and cannot be.
        """
        from models.bundles.opening import open_bundle

        bundle = self.bundle
        try:
            return open_bundle(bundle)
        except ModelProblem as problem:
            raise ModelError(
                f"the bundle does not verify: {problem}",
                where=f"version {self.id}",
                fix="Deploy another version; this one is not served",
            ) from problem

    def open_forecaster(self) -> ServingModel:
        """`open`, where only a forecaster will do.

        Raises:
            ModelError: It does not verify, or tells classes of pictures.
            StorageError: It has to be fetched, and cannot be.
        """
        from models.forecasting.serving_model import ServingModel

        model = self.open()
        if not isinstance(model, ServingModel):
            raise self._other_kind("forecasts nothing")
        return model

    def open_classifier(self) -> ServingClassifier:
        """`open`, where only a classifier will do.

        Raises:
            ModelError: It does not verify, or forecasts series.
            StorageError: It has to be fetched, and cannot be.
        """
        from models.imaging.serving_classifier import ServingClassifier

        model = self.open()
        if not isinstance(model, ServingClassifier):
            raise self._other_kind("tells no classes of pictures")
        return model

    def reference(self) -> dict[str, Any] | None:
        """What it learnt from, in numbers; None of a version that is older than such.

        Raises:
            ModelError: It was changed.
            StorageError: It has to be fetched, and cannot be.
        """
        from models.bundles.checks import read_reference

        bundle = self.bundle
        try:
            return read_reference(bundle)
        except ModelProblem as problem:
            raise ModelError(str(problem), where=f"version {self.id}") from problem

    def _other_kind(self, what: str) -> ModelError:
        return ModelError(
            f"a model of data_type {self.data_type} {what}",
            where=f"version {self.id}",
            fix="Name another version: engine models",
        )

    def to_dict(self) -> dict[str, Any]:
        """The version as JSON-able data."""
        return {
            "id": self.id,
            "model_type": self.model_type,
            "data_type": self.data_type,
            "created": self.created,
            "folder": str(self.folder),
            "lineage": self.lineage,
        }


class VersionStore:
    """The versions of a workspace.

    Args:
        central_storage: Folder that holds them, or with a remote copies of those that were used
            on this machine: what is immutable needs no second look.
        remote: Where they are shared with other machines.
    """

    def __init__(self, central_storage: Path, remote: RemoteVersions | None = None) -> None:
        self.folder = central_storage / "versions"
        self._remote = remote

    @property
    def place(self) -> str:
        """Where the versions are, for messages."""
        return self._remote.place if self._remote else str(self.folder)

    @property
    def is_shared(self) -> bool:
        """Whether the versions lie where other machines have them too."""
        return self._remote is not None

    def add(self, bundle: Path, *, created: float, lineage: Mapping[str, Any]) -> Version:
        """Copy a bundle in as a new version, or return the version that already has this content.

        Raises:
            ModelError: The bundle does not verify.
            StorageError: The disk refuses, or the place that machines share.
        """
        manifest = _verified(bundle, str(bundle))
        version_id = _id_of(bundle, manifest)
        story = {
            "model_type": manifest["model_type"],
            "data_type": manifest.get("data_type", TIMESERIES),
            "created": created,
            **lineage,
        }
        if self._remote and self._remote.lineages([version_id]):
            self._bring(version_id)  # with the story that the others know
        elif not self._is_here(version_id):
            self._write(version_id, bundle, story)
        if self._remote:
            self._remote.put(version_id, self.folder / version_id)
        return self.get(version_id)

    def _write(self, version_id: str, bundle: Path, story: Mapping[str, Any]) -> None:
        text = json.dumps(story, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        final = self.folder / version_id
        try:
            self.folder.mkdir(exist_ok=True, mode=0o700)
            with unfinished_folder(self.folder) as temporary:
                (temporary / BUNDLE_FOLDER).mkdir()
                for path in bundle.iterdir():
                    shutil.copyfile(path, temporary / BUNDLE_FOLDER / path.name)
                (temporary / LINEAGE_FILE).write_text(text, encoding="utf-8")
                publish_folder(temporary, final)
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", where=str(final)) from error

    def get(self, version_id: str) -> Version:
        """Return one version.

        Raises:
            NotFoundError: There is none of this id.
            StorageError: It cannot be looked up.
        """
        # A name from outside never becomes a path before it has the form of an id.
        if is_id(version_id):
            if self._is_here(version_id):
                return self._version(version_id, self._own_lineage(version_id))
            if self._remote and (found := self._remote.lineages([version_id])):
                return self._version(version_id, found[version_id])
        known = ", ".join(version.id for version in self.newest(5)) or "none yet"
        raise NotFoundError(f"there is no version {version_id!r}", fix=f"Newest: {known}")

    def share(self, version_id: str) -> None:
        """Let other machines have a version that is here; one that they have already is fine.

        Raises:
            StorageError: It cannot be written there.
        """
        if self._remote and is_id(version_id) and self._is_here(version_id):
            self._remote.put(version_id, self.folder / version_id)

    def newest(self, limit: int | None = None) -> list[Version]:
        """Return the versions, the newest first.

        Raises:
            StorageError: They cannot be listed.
        """
        if self._remote:
            names = [name for name in self._remote.names() if is_id(name)]
            afar = self._remote.lineages([name for name in names if not self._is_here(name)])
        else:
            names, afar = self._names_here(), {}
        here = {name: self._own_lineage(name) for name in names if self._is_here(name)}
        versions = [self._version(name, text) for name, text in (here | afar).items()]
        return sorted(versions, key=lambda version: version.created, reverse=True)[:limit]

    def delete(self, version_id: str) -> None:
        """Delete a version; who reads it at the moment sees all of it or none.

        Raises:
            NotFoundError: There is none of this id.
            StorageError: The disk refuses.
        """
        version = self.get(version_id)
        if self._remote:
            self._remote.delete(version.id)
        self.forget(version.id)

    def copies(self) -> list[str]:
        """Return the ids of versions that lie on this machine and are not shared any more.

        Raises:
            StorageError: What is shared cannot be listed.
        """
        return sorted({*self._names_here()} - {*self._remote.names()}) if self._remote else []

    def abandoned(self) -> list[str]:
        """Return the names of uploads that were given up long ago.

        Raises:
            StorageError: What is shared cannot be listed.
        """
        return self._remote.abandoned() if self._remote else []

    def give_up(self, name: str) -> None:
        """Delete what is left of an upload.

        Raises:
            StorageError: It cannot be deleted.
        """
        if self._remote:
            self._remote.delete(name)

    def forget(self, version_id: str) -> None:
        """Delete what this machine has of a version.

        Raises:
            StorageError: The disk refuses.
        """
        folder = self.folder / version_id
        if not self._is_here(version_id):
            return
        try:
            with unfinished_folder(self.folder) as doomed:
                folder.rename(doomed / folder.name)
                sync_folder(self.folder)
        except OSError as error:
            raise StorageError(f"cannot be deleted: {error.strerror}", where=str(folder)) from error

    def _bring(self, version_id: str) -> None:
        """Fetch a version that is not on this machine yet."""
        if self._remote is None or self._is_here(version_id):
            return
        where = f"version {version_id} of {self._remote.place}"
        try:
            self.folder.mkdir(exist_ok=True, mode=0o700)
            with unfinished_folder(self.folder) as temporary:
                self._remote.fetch(version_id, temporary)
                bundle = temporary / BUNDLE_FOLDER
                if _id_of(bundle, _verified(bundle, where)) != version_id:
                    raise ModelError("the content is that of another version", where=where)
                publish_folder(temporary, self.folder / version_id)
        except OSError as error:
            raise StorageError(f"cannot be copied here: {error}", where=where) from error

    def _version(self, version_id: str, lineage: bytes) -> Version:
        story = read_lineage(lineage, f"version {version_id}")
        return Version(
            id=version_id,
            model_type=story.pop("model_type"),
            # Versions that are older than data types are of series.
            data_type=story.pop("data_type", TIMESERIES),
            created=story.pop("created"),
            folder=self.folder / version_id,
            lineage=story,
            _bring=self._bring,
        )

    def _names_here(self) -> list[str]:
        if not self.folder.is_dir():
            return []
        return [
            path.name
            for path in self.folder.iterdir()
            if is_id(path.name) and self._is_here(path.name)
        ]

    def _is_here(self, version_id: str) -> bool:
        folder = self.folder / version_id
        return not folder.is_symlink() and (folder / LINEAGE_FILE).is_file()

    def _own_lineage(self, version_id: str) -> bytes:
        path = self.folder / version_id / LINEAGE_FILE
        try:
            return path.read_bytes()
        except OSError as error:
            raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error


def read_lineage(content: bytes, where: str) -> dict[str, Any]:
    """Parse the story of a version: at least `model_type` and `created` are in it.

    Args:
        content: Of lineage.json.
        where: Whose it is, for messages.

    Raises:
        ModelError: It is something else.
    """
    try:
        story = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{LINEAGE_FILE} is not JSON: {error}", where=where) from error
    match story:
        case {"model_type": str(), "created": int() | float(), **_others}:
            return dict(story)
    raise ModelError(f"{LINEAGE_FILE} lacks the model's type or its time", where=where)


def _verified(bundle: Path, where: str) -> dict[str, Any]:
    from models.bundles.opening import verify_bundle

    try:
        return verify_bundle(bundle)
    except ModelProblem as problem:
        raise ModelError(f"the bundle does not verify: {problem}", where=where) from problem


def _id_of(bundle: Path, manifest: Mapping[str, Any]) -> str:
    from models.bundles.checks import MANIFEST_FILE

    content = hashlib.sha256((bundle / MANIFEST_FILE).read_bytes()).hexdigest()
    slug = re.sub(r"[^a-z0-9]+", "-", str(manifest["model_type"]).lower()).strip("-")
    return f"{slug}-{content[:_HASH_CHARACTERS]}"
