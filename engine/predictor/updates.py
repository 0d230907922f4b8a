"""Which versions are to answer: follows the aliases, and moves them when that is asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Generic

from engine.errors import DeployRefusedError, EngineError, NotFoundError
from engine.ids import WORDS, is_id
from engine.predictor.serving import AnyServed, ServedT, Slot, Slots
from engine.refusal import RefusalError
from engine.store import AliasRegistry, AliasState, Version, VersionStore
from engine.tables.sqlite import ChangeWatch
from engine.workspace import Workspace
from models.bundles.checks import MANIFEST_FILE

_LOOK_SECONDS = 0.1
_RETRY_SECONDS = 5.0

Changed = Callable[[str, AnyServed], None]

logger = logging.getLogger(__name__)


class Follower(Generic[ServedT]):
    """Keeps one slot at the champion of its data type.

    Args:
        workspace: Where the aliases are.
        store: Where the versions are.
        slot: What answers.
        changed: Called with the data type when another version answers.
    """

    def __init__(
        self, workspace: Workspace, store: VersionStore, slot: Slot[ServedT], changed: Changed
    ) -> None:
        self.aliases = AliasRegistry(workspace.central_storage, slot.data_type)
        self.slot = slot
        self._store = store
        self._changed = changed
        self._switching = asyncio.Lock()

    async def refresh(self) -> None:
        """Let the champion answer; one that does not verify leaves the old one where it is."""
        async with self._switching:
            try:
                champion = (await asyncio.to_thread(self.aliases.read)).champion
                served = self.slot.served
                if champion is None or (served is not None and served.name == champion):
                    self.slot.problem = ""
                    return
                version = await asyncio.to_thread(self._store.get, champion)
                self._put(await asyncio.to_thread(self.slot.load, version))
            except EngineError as error:
                if str(error) != self.slot.problem:
                    logger.error("the champion does not answer: %s", error)
                self.slot.problem = str(error)

    async def promote(self, version: Version, *, who: str) -> None:
        """Make a version the champion and let it answer.

        Raises:
            RefusalError: Another deploy was faster.
            ModelError: It does not verify; what answered before goes on.
        """
        async with self._switching:
            before = await asyncio.to_thread(self.aliases.read)
            served = await asyncio.to_thread(self.slot.load, version)
            try:
                await asyncio.to_thread(
                    self.aliases.promote, version.id, expected=before.champion, who=who
                )
            except DeployRefusedError as error:
                raise RefusalError(409, str(error)) from error
            self._put(served)

    def _put(self, served: ServedT) -> None:
        self.slot.put(served)
        self._changed(self.slot.data_type, served)
        logger.info("%s answers", served.name)


class Updates:
    """Keeps every slot at the champion of its data type.

    Args:
        workspace: Where the aliases are.
        store: Where the versions are.
        slots: What answers.
        changed: Called with the data type when another version answers.
    """

    def __init__(
        self, workspace: Workspace, store: VersionStore, slots: Slots, changed: Changed
    ) -> None:
        self._store = store
        self._series = Follower(workspace, store, slots.series, changed)
        self._images = Follower(workspace, store, slots.images, changed)
        self._followers = (self._series, self._images)
        self._path = self._series.aliases.path  # one file holds those of every data type

    def aliases(self) -> dict[str, AliasState]:
        """Where the aliases of every data type point."""
        return self._series.aliases.of_all()

    async def follow(self) -> None:
        """Keep the slots at the champions, until cancelled or the aliases are gone."""
        with ChangeWatch(self._path) as watch:
            await self.refresh()  # what moved before anybody watched
            waited = 0.0
            while self._path.exists():
                await asyncio.sleep(_LOOK_SECONDS)
                waited += _LOOK_SECONDS
                has_problem = any(follower.slot.problem for follower in self._followers)
                if watch.has_changed() or (has_problem and waited > _RETRY_SECONDS):
                    waited = 0.0
                    await self.refresh()

    async def refresh(self) -> None:
        """Let the champions answer; one that does not verify leaves the old one where it is."""
        await asyncio.gather(self._series.refresh(), self._images.refresh())

    async def promote(self, run_name: str, metadata_file: str, *, who: str) -> None:
        """Make a version the champion of its data type and let it answer.

        Args:
            run_name: Id of the version, or of the run that made it.
            metadata_file: Its manifest; there is no other.
            who: Who asked for it, for the log.

        Raises:
            RefusalError: Names that can be none of ours, or another deploy was faster.
            NotFoundError: There is no such version.
            ModelError: It does not verify; what answered before goes on.
        """
        for name in (run_name, metadata_file):
            if not is_id(name):
                raise RefusalError(422, f"a name has {WORDS}")
        if metadata_file != MANIFEST_FILE:
            raise NotFoundError(f"there is no {metadata_file}", fix=f"Use {MANIFEST_FILE}")
        version = await asyncio.to_thread(self._find, run_name)
        for follower in self._followers:
            if version.data_type == follower.slot.data_type:
                await follower.promote(version, who=who)

    def _find(self, run_name: str) -> Version:
        """The version of this id, or the newest one that this run made."""
        for version in self._store.newest():
            if run_name in {version.id, version.lineage.get("training", {}).get("run")}:
                return version
        return self._store.get(run_name)
