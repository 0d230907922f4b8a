"""What the settings of a data set of pictures say.

Said as protocols: whatever has these values can be used, wherever it was read from.
"""

from __future__ import annotations

from typing import Literal, Protocol

from engine.pictures import Fit

DIGITS = "digits"
"""The path that means the bundled digits; a folder of that name is `./digits`."""

Channels = Literal["auto", "gray", "color"]


class PictureRules(Protocol):
    """What to do about pictures that are not as they should be; every decision is reported."""

    @property
    def broken(self) -> Literal["error", "skip"]:
        """Files that are no PNG or JPEG picture, damaged, too large or unreadable."""

    @property
    def duplicates(self) -> Literal["keep", "drop", "error"]:
        """Pictures that are there more than once in one class; drop keeps the first by name."""

    @property
    def conflicts(self) -> Literal["error", "drop"]:
        """Pictures that are there in more than one class; drop leaves out all of them."""

    @property
    def small_classes(self) -> Literal["error", "drop"]:
        """Classes with fewer pictures than `min_pictures_a_class`."""

    @property
    def min_pictures_a_class(self) -> int:
        """See `small_classes`; 1 or more."""

    @property
    def max_errors_listed(self) -> int:
        """How many files a message lists by name; the rest are counted."""


class PictureSplit(Protocol):
    """Which share of the pictures is held back, and what for."""

    @property
    def validation_share(self) -> float:
        """Share that decides when training stops; 0 to less than 1."""

    @property
    def test_share(self) -> float:
        """Share that training never sees; 0 to less than 1, and less than 1 with the other."""

    @property
    def split_seed(self) -> int:
        """Another number draws other pictures."""


class PictureSource(Protocol):
    """Where pictures are, and what they are brought to."""

    @property
    def ds_name(self) -> str:
        """Name of the data set in listings and lineage."""

    @property
    def ds_root(self) -> str:
        """Folder that a relative path starts from; itself relative to the workspace."""

    @property
    def path(self) -> str:
        """`DIGITS`, a folder with one folder a class, or a .csv of paths and labels."""

    @property
    def path_col(self) -> str:
        """Column of a CSV that holds paths, relative to its folder."""

    @property
    def label_col(self) -> str:
        """Column of a CSV that holds the names of classes."""

    @property
    def height(self) -> int:
        """Rows of every picture."""

    @property
    def width(self) -> int:
        """Columns of every picture."""

    @property
    def channels(self) -> Channels:
        """What is kept of colours; auto: gray when no picture shows any."""

    @property
    def fit(self) -> Fit:
        """What becomes of another aspect ratio; see `engine.pictures.fitted`."""

    @property
    def max_megapixels(self) -> float:
        """Larger pictures count as broken."""

    @property
    def max_pictures(self) -> int:
        """A source with more pictures is refused."""

    @property
    def rules(self) -> PictureRules:
        """See there."""

    @property
    def split(self) -> PictureSplit:
        """See there."""
