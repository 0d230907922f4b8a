"""Which version is to answer: follows the aliases, and moves them when that is asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from engine.errors import DeployRefusedError, EngineError, NotFoundError
from engine.ids import WORDS, is_id
from engine.predictor.serving import Served, Slot, load
from engine.refusal import RefusalError
from engine.store import AliasRegistry, AliasState, Version, VersionStore
from engine.tables.sqlite import ChangeWatch
from engine.workspace import Workspace
from models.bundles.checks import MANIFEST_FILE

_LOOK_SECONDS = 0.1
_RETRY_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Updates:
    """Keeps the slot at the champion.

    Args:
        workspace: Where the aliases are.
        store: Where the versions are.
        slot: What answers.
        changed: Called when another version answers.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: VersionStore,
        slot: Slot,
        changed: Callable[[Served], None],
    ) -> None:
        self._aliases = AliasRegistry(workspace.central_storage)
        self._store = store
        self._slot = slot
        self._changed = changed
        self._switching = asyncio.Lock()

    def aliases(self) -> AliasState:
        """Where the aliases point."""
        return self._aliases.read()

    async def follow(self) -> None:
        """Keep the slot at the champion, until cancelled or the aliases are gone."""
        with ChangeWatch(self._aliases.path) as watch:
            await self.refresh()  # what moved before anybody watched
            waited = 0.0
            while self._aliases.path.exists():
                await asyncio.sleep(_LOOK_SECONDS)
                waited += _LOOK_SECONDS
                if watch.has_changed() or (self._slot.problem and waited > _RETRY_SECONDS):
                    waited = 0.0
                    await self.refresh()

    async def refresh(self) -> None:
        """Let the champion answer; one that does not verify leaves the old one where it is."""
        async with self._switching:
            try:
                champion = (await asyncio.to_thread(self._aliases.read)).champion
                served = self._slot.served
                if champion is None or (served is not None and served.name == champion):
                    self._slot.problem = ""
                    return
                version = await asyncio.to_thread(self._store.get, champion)
                self._put(await asyncio.to_thread(load, version))
            except EngineError as error:
                if str(error) != self._slot.problem:
                    logger.error("the champion does not answer: %s", error)
                self._slot.problem = str(error)

    async def promote(self, run_name: str, metadata_file: str, *, who: str) -> None:
        """Make a version the champion and let it answer.

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
        async with self._switching:
            before = await asyncio.to_thread(self._aliases.read)
            version = await asyncio.to_thread(self._find, run_name)
            served = await asyncio.to_thread(load, version)
            try:
                await asyncio.to_thread(
                    self._aliases.promote,
                    version.id,
                    expected=before.champion,
                    who=who,
                )
            except DeployRefusedError as error:
                raise RefusalError(409, str(error)) from error
            self._put(served)

    def _put(self, served: Served) -> None:
        self._slot.put(served)
        self._changed(served)
        logger.info("%s answers", served.name)

    def _find(self, run_name: str) -> Version:
        """The version of this id, or the newest one that this run made."""
        for version in self._store.newest():
            if run_name in {version.id, version.lineage.get("training", {}).get("run")}:
                return version
        return self._store.get(run_name)
