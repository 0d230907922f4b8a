"""Places where versions may lie, a real S3 server among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from engine.store import VersionStore
from engine.store.remote import RemoteVersions

CREDENTIALS = {"key": "a-key", "secret": "a-secret"}


@pytest.fixture(params=["file", "memory", "s3"])
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], RemoteVersions]:
    """A way to the same place, as from another machine each time."""
    name = uuid4().hex
    if request.param == "file":
        url, options = f"file://{tmp_path}/shared", {}
    elif request.param == "memory":
        url, options = f"memory://{name}", {}
    else:
        address = request.getfixturevalue("s3_server")
        import s3fs

        s3fs.S3FileSystem(endpoint_url=address, **CREDENTIALS).mkdir(name)
        url, options = f"s3://{name}/models", {"endpoint_url": address, **CREDENTIALS}
    return lambda: RemoteVersions(url, options)


@pytest.fixture
def machine(remote: Callable[[], RemoteVersions], tmp_path: Path) -> Callable[[str], VersionStore]:
    """Central storage of a machine of this name, which shares its versions with others."""

    def storage(name: str) -> VersionStore:
        (tmp_path / name).mkdir(exist_ok=True)
        return VersionStore(tmp_path / name, remote())

    return storage
