"""Central storage: immutable model versions, and the aliases that say which one serves."""

from engine.store.aliases import CHAMPION, PREVIOUS, AliasRegistry, AliasState
from engine.store.depot import Depot
from engine.store.opening import open_depot, open_store
from engine.store.versions import Version, VersionStore

__all__ = [
    "CHAMPION",
    "PREVIOUS",
    "AliasRegistry",
    "AliasState",
    "Depot",
    "Version",
    "VersionStore",
    "open_depot",
    "open_store",
]
