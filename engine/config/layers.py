"""Layers of settings, laid over each other key by key, each value knowing where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from engine.config.values import Section
from engine.config.yaml_source import KeyPath, Position, YamlDocument


class Layer(IntEnum):
    """Where a value comes from; a higher layer wins."""

    DEFAULT = 0
    SHIPPED = 1
    WORKSPACE = 2
    RUN = 3
    SET = 4
    FLAG = 5


@dataclass(frozen=True)
class Origin:
    """Where a value comes from. `str()` is short: `configs/train_flow_config.yaml:12 (shipped)`.

    Attributes:
        layer: Which layer it stands in.
        source: The file, the `--set` text, the flag, or "default".
        key: Place of the key in the file; None outside files.
        value: Place of the value in the file; None outside files.
        text: The value as written without quotes; None when it was quoted or not a scalar.
    """

    layer: Layer
    source: str
    key: Position | None = None
    value: Position | None = None
    text: str | None = None

    def __str__(self) -> str:
        if self.layer is Layer.SET:
            return "--set"
        line = f":{self.key.line}" if self.key else ""
        shipped = " (shipped)" if self.layer is Layer.SHIPPED else ""
        return f"{self.source}{line}{shipped}"

    @property
    def where_key(self) -> str:
        """The place of the key, for a problem about the key itself."""
        return f"{self.source}:{self.key.line}:{self.key.column}" if self.key else self.source

    @property
    def where_value(self) -> str:
        """The place of the value, for a problem about the value."""
        place = self.value
        return f"{self.source}:{place.line}:{place.column}" if place else self.source


DEFAULT = Origin(Layer.DEFAULT, "default")


@dataclass
class Tree:
    """Settings as plain data, with the origin of every section, value and list element."""

    data: dict[str, object] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)

    @classmethod
    def of_defaults(cls, root: type[Section]) -> Tree:
        """Begin with the defaults of the models."""
        tree = cls()
        tree.lay_over(root().model_dump(mode="json"), lambda _: DEFAULT)
        return tree

    def lay_document(self, document: YamlDocument, layer: Layer) -> None:
        """Lay a file over what is there: only the keys that it holds change."""

        def origin(path: KeyPath) -> Origin:
            source = document.sources[path]
            return Origin(layer, document.name, source.key, source.value, source.text)

        self.lay_over(document.data, origin)

    def lay_over(
        self, data: Mapping[str, object], origin: Callable[[KeyPath], Origin], at: KeyPath = ()
    ) -> None:
        """Merge a mapping into the section at `at`.

        Args:
            data: Sections and values.
            origin: Gives the origin of the key path of anything in `data`.
            at: Key path of an existing section.
        """
        section = self.get(at)
        assert isinstance(section, dict), at
        for key, value in data.items():
            path = (*at, key)
            here = origin(path)
            if value is None and here.text == "" and isinstance(section.get(key), dict):
                continue  # a heading whose lines are all commented out
            if not isinstance(value, dict):
                self._replace(section, path, value, origin)
                continue
            if not isinstance(section.get(key), dict):
                self._replace(section, path, {}, origin)
            self.origins[path] = here
            self.lay_over(value, origin, path)

    def _replace(
        self,
        section: dict[str, object],
        path: KeyPath,
        value: object,
        origin: Callable[[KeyPath], Origin],
    ) -> None:
        for below in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[below]
        section[str(path[-1])] = value
        self._note_origins(path, value, origin)

    def _note_origins(
        self, path: KeyPath, value: object, origin: Callable[[KeyPath], Origin]
    ) -> None:
        self.origins[path] = origin(path)
        if isinstance(value, list):
            for index, element in enumerate(value):
                self._note_origins((*path, index), element, origin)
        elif isinstance(value, dict):
            for key, inner in value.items():
                self._note_origins((*path, key), inner, origin)

    def get(self, path: KeyPath) -> object:
        """Return the value at a key path; None when there is none."""
        value: Any = self.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):  # TypeError: not a section and not a list
                return None
        return value

    def section(self, path: KeyPath) -> dict[str, object]:
        """Return the section at a key path, empty when something else stands there."""
        value = self.get(path)
        return value if isinstance(value, dict) else {}

    def origin(self, path: KeyPath) -> Origin:
        """Return the origin of a key path, or that of the nearest section around it."""
        for length in range(len(path), 0, -1):
            if found := self.origins.get(path[:length]):
                return found
        return DEFAULT
