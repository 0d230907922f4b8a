"""Pictures of one size, filled one by one; the only thing that grows with their number."""

from __future__ import annotations

import numpy as np
import psutil

from engine.config.image_settings import ImageDatasetSettings
from engine.errors import DataError
from engine.pictures import fitted, is_gray
from models.imaging.pictures import PixelArray

_SHARE_OF_MEMORY = 0.8


class PixelStack:
    """Takes decoded pictures and keeps them resized.

    Args:
        capacity: How many there will be at most.
        size: Rows and columns.
        settings: With the channels and the fit.
        where: Name of the source, for messages.

    Raises:
        DataError: There is no memory for so many.
    """

    def __init__(
        self, capacity: int, size: tuple[int, int], settings: ImageDatasetSettings, where: str
    ) -> None:
        self._settings = settings
        self._size = size
        self._channels = 3 if settings.channels == "color" else 1
        self._count = 0
        needed = capacity * size[0] * size[1] * (1 if self._is_gray_only else 3)
        free = int(psutil.virtual_memory().available * _SHARE_OF_MEMORY)
        if needed > free:
            raise DataError(
                f"{capacity:,} pictures of {size[0]} x {size[1]} need "
                f"{needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free",
                where=where,
                fix="Lower dataset.height and dataset.width, or name fewer pictures",
            )
        self._pixels = self._empty(capacity)

    @property
    def pixels(self) -> PixelArray:
        """What was added: uint8 (n, height, width, channels)."""
        return self._pixels[: self._count]

    def add(self, pixels: PixelArray) -> None:
        """Take a picture of any size.

        Args:
            pixels: uint8 (rows, columns, 1 or 3).
        """
        settings = self._settings
        if settings.channels == "auto" and self._channels == 1 and not is_gray(pixels):
            self._become_coloured()
        self._pixels[self._count] = fitted(pixels, *self._size, self._channels, fit=settings.fit)
        self._count += 1

    @property
    def _is_gray_only(self) -> bool:
        return self._settings.channels == "gray"

    def _become_coloured(self) -> None:
        """Until the first colour appears, auto keeps a third."""
        gray = self.pixels
        self._channels = 3
        self._pixels = self._empty(len(self._pixels))
        self._pixels[: len(gray)] = gray

    def _empty(self, capacity: int) -> PixelArray:
        return np.empty((capacity, *self._size, self._channels), np.uint8)
