"""Every setting of a flow about pictures, with its type, range, default and documentation."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from engine.config.flow_settings import (
    AnyDatasetSettings,
    AnyDeploySettings,
    AnyEvaluateSettings,
    AnyModelSettings,
    DataType,
    FlowSettings,
    TrainSettings,
)
from engine.config.values import Id, Name, PathText, Section, conflict


class ImageRules(Section):
    """What to do about files that are not a clean picture; every decision is reported."""

    broken: Literal["error", "skip"] = "error"
    """Files that are not a whole picture in a known format. error: stop and list them. skip:
    leave them out and report it."""

    duplicates: Literal["keep", "drop", "error"] = "drop"
    """The same picture more than once in a class. keep: it counts as often as it is there. drop:
    it counts once. error: stop and list them. Wherever it lies, it is on one side of the split."""

    conflicts: Literal["error", "drop"] = "error"
    """The same picture under different classes. error: stop and list them. drop: leave out all
    copies of it and report it."""

    small_classes: Literal["error", "drop"] = "error"
    """Classes with too few pictures to learn and to measure. error: stop and list them. drop:
    leave the class out and report it."""

    min_pictures_a_class: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """Fewest pictures that a class needs (1 to 1000000)."""

    max_errors_listed: Annotated[int, Field(ge=1, le=10_000)] = 20
    """How many offending files a report lists by name; the rest are counted (1 to 10000)."""


class ImageSplitSettings(Section):
    """Split by the content of each picture: it stays on its side whatever else comes or goes."""

    validation_share: Annotated[float, Field(ge=0.001, le=0.5)] = 0.15
    """Part of the pictures that decides when training stops and how sure the model may be
    (0.001 to 0.5)."""

    test_share: Annotated[float, Field(ge=0.001, le=0.5)] = 0.15
    """Part of the pictures that is never trained on and measures the model (0.001 to
    0.5)."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    """Another number gives another split (0 to 4294967295). Versions trained on different splits
    cannot be compared: each has seen what the other is measured on."""

    @model_validator(mode="after")
    def _something_to_learn_from(self) -> Self:
        if self.validation_share + self.test_share > 0.8:
            what = (
                f"validation_share {self.validation_share:g} and test_share {self.test_share:g} "
                "leave less than a fifth of the pictures to learn from; lower one of them"
            )
            raise conflict(what, "test_share", "validation_share")
        return self


class ImageDatasetSettings(AnyDatasetSettings):
    """Where the pictures come from and what size they are brought to."""

    ds_name: Id = "digits"
    """Name of the data set in listings and lineage: a-z, 0-9, dot, dash and underscore, at most
    64 characters, starting with a letter or digit."""

    ds_root: PathText = "data"
    """Folder that a relative file_path starts from; itself relative to the workspace."""

    file_path: PathText | None = None
    """A folder that holds a folder a class, or a CSV file of paths and labels; PNG and JPEG.
    null: the 1,797 handwritten digits that come with scikit-learn, to try things out."""

    path_col: Name = "path"
    """Column of a CSV file: where the picture lies, relative to the CSV file or absolute."""

    label_col: Name = "label"
    """Column of a CSV file: which class it belongs to."""

    height: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Rows that every picture is brought to (8 to 1024), or null, with width: the usual size of
    the pictures, at most 64."""

    width: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Columns that every picture is brought to (8 to 1024), or null, with height."""

    channels: Literal["auto", "gray", "color"] = "auto"
    """Whether colours count. auto: gray when every picture is gray."""

    fit: Literal["pad", "crop", "stretch"] = "pad"
    """How a picture of another shape is brought to this size. pad: whole, with borders. crop: its
    middle. stretch: whole, its shape changed."""

    max_megapixels: Annotated[float, Field(gt=0, le=1000)] = 50.0
    """Refuse pictures of more pixels, before they fill the memory (above 0, to 1000)."""

    max_pictures: Annotated[int, Field(ge=1, le=100_000_000)] = 200_000
    """Refuse a source with more pictures than this (1 to 100000000)."""

    rules: ImageRules = ImageRules()
    """What to do about broken files, duplicates and the like."""

    split: ImageSplitSettings = ImageSplitSettings()
    """Which part is held back for validation and test."""

    @model_validator(mode="after")
    def _both_sides(self) -> Self:
        if (self.height is None) != (self.width is None):
            what = "height and width go together; give both, or set both to null"
            raise conflict(what, "height", "width")
        return self

    @property
    def size(self) -> tuple[int, int] | None:
        """Rows and columns that every picture is brought to; None: their usual size."""
        if self.height is None or self.width is None:
            return None
        return self.height, self.width


class ImageModelSettings(AnyModelSettings):
    """Which classifier."""

    model_type: Name = "CNN"
    """Registered name of the classifier: CNN, ResNet, MeanPicture, auto (tries the networks and
    blends the best), or one of a plugin."""

    pretrained: PathText | None = None
    """Weights that training starts from: the folder of a saved model or an .npz file, relative to
    the workspace or absolute. What fits by name and shape is taken over. null: start anew."""


class ImageEvaluateSettings(AnyEvaluateSettings):
    """How a candidate is measured: on the test part, beside the nearest mean picture."""

    mistakes: Annotated[int, Field(ge=0, le=1000)] = 20
    """How many of the worst mistakes are listed by name (0 to 1000)."""


class ImageGateSettings(Section):
    """What a candidate must reach before it may serve.

    A ratio below 1 means fewer errors than the other model, 1 as many.
    """

    max_ratio_to_baseline: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Most errors allowed, as a multiple of those of the nearest mean picture (above 0, to
    100)."""

    max_ratio_to_champion: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Most errors allowed, as a multiple of the champion's on the same pictures (above 0, to 100);
    not asked when nothing is deployed yet."""

    tolerate_chance: bool = True
    """Whether more errors than the champion's pass where they may be chance: true or false. true: a
    paired sign test over the test pictures decides, at 5 %; false: every error counts."""

    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    """Smallest part of the test pictures that must be told right (0 to 1), or null: not asked."""

    min_macro_f1: Annotated[float, Field(ge=0, le=1)] | None = None
    """Smallest mean over the classes of their F1 (0 to 1), or null: not asked. Where some classes
    are rare this is what tells whether they are found at all."""

    max_calibration_error: Annotated[float, Field(ge=0, le=1)] | None = None
    """Largest expected calibration error (0 to 1), or null: not asked, because a test part of a
    few hundred pictures tells it only roughly."""


class ImageDeploySettings(AnyDeploySettings):
    """How a candidate becomes the champion."""

    gate: ImageGateSettings = ImageGateSettings()
    """What the candidate must reach."""

    canary_pictures: Annotated[int, Field(ge=1, le=4096)] = 16
    """Real pictures that the serving bundle must classify before it is promoted (1 to 4096)."""


class ImageSettings(FlowSettings):
    """The whole resolved configuration of one run about pictures."""

    data_type: DataType = "image"
    """Kind of data; timeseries: daily series; image: pictures and their classes."""

    dataset: ImageDatasetSettings = ImageDatasetSettings()
    """Where the pictures come from (image_data_flow_config.yaml)."""

    model: ImageModelSettings = ImageModelSettings()
    """Which classifier (image_train_flow_config.yaml)."""

    train: TrainSettings = TrainSettings()
    """How it is fitted (image_train_flow_config.yaml)."""

    evaluate: ImageEvaluateSettings = ImageEvaluateSettings()
    """How it is measured (image_eval_flow_config.yaml)."""

    deploy: ImageDeploySettings = ImageDeploySettings()
    """When and how it goes into service (image_deploy_flow_config.yaml)."""
