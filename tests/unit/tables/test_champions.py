from __future__ import annotations

from pathlib import Path

from engine.store import AliasRegistry
from engine.tables.champions import read_champions
from engine.workspace import Workspace
from tests.unit.deployments import deploy
from tests.unit.picture_bundles import deploy_pictures


def test_a_workspace_without_versions_has_no_champion(workspace: Workspace) -> None:
    assert read_champions(workspace.central_storage) == []
    assert not (workspace.central_storage / "aliases.db").exists()


def test_the_champions_are_those_of_the_store(
    workspace: Workspace, bundles: tuple[Path, Path], colour_bundles: tuple[Path, Path]
) -> None:
    for bundle in bundles:
        deploy(workspace, bundle)
    deploy_pictures(workspace, colour_bundles[0])
    aliases = AliasRegistry(workspace.central_storage)
    aliases.roll_back()

    found = {one.data_type: one.version for one in read_champions(workspace.central_storage)}
    moves = aliases.history()
    assert found == {kind: state.champion for kind, state in aliases.of_all().items()}
    assert len(found) == 2
    since = {one.data_type: one.since for one in read_champions(workspace.central_storage)}
    assert since == {move.data_type: move.at for move in (moves[1], moves[0])}
