"""Texts that repeat, as small integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

IntArray = npt.NDArray[np.int64]


class Interner:
    """Texts as small integers, in the order in which they first appear."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    @property
    def texts(self) -> list[str]:
        """The text of each code."""
        return list(self._codes)

    def codes(self, texts: Any) -> IntArray:
        """Codes of an Arrow string array; -1 for null and for nothing but blanks."""
        if not pa.types.is_dictionary(texts.type):
            texts = pc.dictionary_encode(texts)
        mapping = np.array(
            [
                self._codes.setdefault(text, len(self._codes)) if text and text.strip() else -1
                for text in texts.dictionary.to_pylist()
            ]
            + [-1],
            dtype=np.int64,
        )
        indices = pc.fill_null(texts.indices, len(mapping) - 1)
        codes: IntArray = mapping[indices.to_numpy(zero_copy_only=False)]
        return codes
