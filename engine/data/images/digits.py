"""The bundled digits: 1,797 gray pictures of handwritten digits, 8 x 8, that scikit-learn carries.

They come from the "Optical Recognition of Handwritten Digits" data set of E. Alpaydin and
C. Kaynak (UCI Machine Learning Repository).
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from engine.errors import DataError, NotFoundError
from engine.packages import folder_of_package
from models.imaging.pictures import PixelArray

PACKAGE = "sklearn"
SIDE = 8

_FILE = Path("datasets") / "data" / "digits.csv.gz"
_DARKEST = 16


def read_digits() -> tuple[PixelArray, tuple[str, ...]]:
    """The pictures, uint8 (n, 8, 8, 1), and the digit that each shows.

    The file of the package is read; importing the package would take a second.

    Raises:
        NotFoundError: The package is not installed.
        DataError: Its file is not as expected.
    """
    try:
        path = folder_of_package(PACKAGE) / _FILE
    except ModuleNotFoundError as error:
        raise NotFoundError(
            "the bundled digits come with the package scikit-learn, which is not installed",
            fix='Install it with: pip install "mlops-tui[demo]"',
        ) from error
    try:
        with gzip.open(path, "rt", encoding="ascii") as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.float64, ndmin=2)
    except (OSError, EOFError, ValueError) as error:
        raise _other(path, str(error)) from error
    values, digits = table[:, :-1], table[:, -1].astype(np.int64)
    if values.shape[1:] != (SIDE * SIDE,) or values.min() < 0 or values.max() > _DARKEST:
        raise _other(path, "the numbers are others than known")
    pixels = np.rint(values * (255 / _DARKEST)).astype(np.uint8)
    return pixels.reshape(-1, SIDE, SIDE, 1), tuple(str(digit) for digit in digits.tolist())


def _other(path: Path, why: str) -> DataError:
    return DataError(
        f"the digits of scikit-learn cannot be read: {why}",
        where=str(path),
        fix="Install it anew: pip install --force-reinstall scikit-learn",
    )
