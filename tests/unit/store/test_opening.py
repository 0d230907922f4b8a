from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.store import open_store
from engine.workspace import Workspace


def write_settings(workspace: Workspace, text: str) -> None:
    (workspace.configs / "engine.yaml").write_text(text)


def test_by_default_the_versions_lie_in_the_workspace(workspace: Workspace) -> None:
    store = open_store(workspace)

    assert not store.is_shared
    assert store.place == str(workspace.central_storage / "versions")


def test_versions_are_stored_where_the_configuration_says(
    workspace: Workspace, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    write_settings(workspace, f"storage: {{url: 'file://{tmp_path}/shared'}}")

    version = open_store(workspace).add(bundles[0], created=1.0, lineage={})

    assert (tmp_path / "shared" / "versions" / version.id / "lineage.json").is_file()


def test_secrets_come_from_the_file_of_secrets(
    workspace: Workspace, bundles: tuple[Path, Path], s3_server: str
) -> None:
    import s3fs

    s3fs.S3FileSystem(endpoint_url=s3_server, key="k", secret="s").mkdir("with-secrets")
    write_settings(
        workspace,
        "storage:\n"
        "  url: s3://with-secrets/models\n"
        f"  options: {{endpoint_url: '{s3_server}', key: '${{KEY}}', secret: '${{SECRET}}'}}\n",
    )
    with pytest.raises(ConfigError, match=r"storage\.options: \$\{KEY\} stands for nothing"):
        open_store(workspace)

    workspace.secrets.write_text("KEY=k\nSECRET=s\n")
    workspace.secrets.chmod(0o600)
    version = open_store(workspace).add(bundles[0], created=1.0, lineage={})

    assert [found.id for found in open_store(workspace).newest()] == [version.id]
