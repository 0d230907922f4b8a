"""What the settings of every run have in common, whatever kind of data it is about.

The docstring under a field is its documentation: `engine config reference` prints it, and the
shipped YAML says the same in its comments. The whole tree is frozen, so a flow, a task and a run
process can share it without anyone changing it on the way.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from engine.config.values import HparamName, HparamValue, Id, LatestOrId, Name, Paths, Section

FlowName = Literal["data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow"]
FLOWS: tuple[FlowName, ...] = get_args(FlowName)

DataType = Literal["timeseries", "image"]


class AnyDatasetSettings(Section):
    """Where the data come from."""

    ds_name: Id = "demo"
    """Name of the data set in listings and lineage: a-z, 0-9, dot, dash and underscore, at most
    64 characters, starting with a letter or digit."""


class AnyModelSettings(Section):
    """Which model."""

    model_type: Name
    """Registered name of the model."""

    plugins: Paths = ()
    """Python files that register further models, relative to the workspace; they run with your
    rights, so name only files that you trust. [] for none."""


class TrainSettings(Section):
    """How the model is fitted."""

    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 7
    """Start of every random number; the same seed, data and machine give the same model
    (0 to 4294967295)."""

    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Processor threads of training (0 to 1024). 0: chosen so that what is deployed stays
    served."""

    dataset: LatestOrId = "latest"
    """Data set to train on: latest (the newest that data_flow prepared) or the id of one."""

    hand_over: bool = True
    """Whether eval_flow takes this model up when it is not told which: true or false. false: a
    training on the side."""

    refit: bool = True
    """Whether the model learns once more from everything but the test part, after the validation
    part has decided for how long and how sure it may be: true or false. Takes twice the time."""

    hparams: dict[HparamName, HparamValue] = Field(default_factory=dict)
    """Hyper-parameters by name. Those of all registered models may stand here; a model takes
    its own and leaves the others. A name that is absent keeps the model's default."""


class AnyEvaluateSettings(Section):
    """How a candidate is measured."""

    candidate: LatestOrId = "latest"
    """Run whose model is evaluated: latest (the newest trained) or the id of a run."""


class AnyDeploySettings(Section):
    """How a candidate becomes the champion."""

    candidate: LatestOrId = "latest"
    """Run whose model is deployed: latest (the newest evaluated) or the id of a run."""

    force: Annotated[str, Field(max_length=500)] = ""
    """Why a candidate is deployed although the gate refuses it; recorded with the version and in
    the log of deploys. Empty: the gate decides."""


class FlowSettings(Section):
    """The whole resolved configuration of one run."""

    flow_module: FlowName = "full_flow"
    """The flow that these settings are for; each file names its own."""

    data_type: DataType
    """Kind of data; timeseries: daily series; image: pictures and their classes."""

    dataset: AnyDatasetSettings
    """Where the data come from (data_flow_config.yaml)."""

    model: AnyModelSettings
    """Which model (train_flow_config.yaml)."""

    train: TrainSettings = TrainSettings()
    """How it is fitted (train_flow_config.yaml)."""

    evaluate: AnyEvaluateSettings
    """How it is measured (eval_flow_config.yaml)."""

    deploy: AnyDeploySettings
    """When and how it goes into service (deploy_flow_config.yaml)."""
