"""A folder that several machines share: in an object store, on a file server, by an fsspec URL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from engine.errors import EngineError, StorageError

# Object stores have no folders; making one there would make a bucket.
_WITHOUT_FOLDERS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "memory"})
_S3 = frozenset({"s3", "s3a"})
# An engine that waits for minutes for a server that is gone looks like one that hangs.
_S3_PATIENCE = {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 2}}


class SharedFolder:
    """What lies below one fsspec URL.

    Args:
        url: Of a folder: `s3://bucket/folder`, `gs://...`, `sftp://host/folder`, `file:///...`.
        options: What the driver has to know, such as `endpoint_url`, `key`, `secret`.
    """

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        self.place = url
        self._options = dict(options)
        self._protocol = url.partition("://")[0]

    @cached_property
    def _driver(self) -> tuple[Any, str]:
        """The driver, made when it is first needed: copies serve without it."""
        import fsspec

        options = self._options
        if self._protocol in _S3:
            options = {"config_kwargs": _S3_PATIENCE} | options
        # What another machine wrote must be seen: no listing is remembered.
        files, root = fsspec.core.url_to_fs(
            self.place, use_listings_cache=False, skip_instance_cache=True, **options
        )
        return files, root.rstrip("/")

    @property
    def _files(self) -> Any:
        return self._driver[0]

    @property
    def _top(self) -> str:
        return self._driver[1]

    def _make_folder(self, path: str) -> None:
        if self._protocol not in _WITHOUT_FOLDERS:
            self._files.makedirs(path, exist_ok=True)

    def _names_in(self, path: str) -> list[str]:
        try:
            found = self._files.ls(path, detail=False)
        except FileNotFoundError:
            return []
        return sorted(str(entry).rstrip("/").rpartition("/")[2] for entry in found)

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        try:
            yield
        except EngineError:
            raise
        except ImportError as error:
            raise StorageError(
                f"{what}: {error}",
                where=self.place,
                fix="For S3: pip install 'mlops-tui[s3]'; for others the package that is named",
            ) from error
        except Exception as error:
            # Every driver has errors of its own, with no common base.
            reason = str(error) or type(error).__name__
            raise StorageError(
                f"{what}: {reason}",
                where=self.place,
                fix="Check storage.url and storage.options in engine.yaml, and the network",
            ) from error
