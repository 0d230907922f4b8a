"""Picture files as arrays of pixels and back: decoded within limits, brought to a size, encoded."""

from __future__ import annotations

from engine.pictures.decoding import decode, is_gray
from engine.pictures.encoding import encode_png
from engine.pictures.fitting import FITS, Fit, fitted
from engine.pictures.problem import DEFAULT, Limits, PictureProblem, ProblemKind
from engine.pictures.reading import bytes_of

__all__ = [
    "DEFAULT",
    "FITS",
    "Fit",
    "Limits",
    "PictureProblem",
    "ProblemKind",
    "bytes_of",
    "decode",
    "encode_png",
    "fitted",
    "is_gray",
]
