"""What an unknown key probably means: a typo, a key of another section, or an old name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.config.image_settings import ImageSettings
from engine.config.problems import Problem, nearest
from engine.config.reference import describe_settings, section_docs
from engine.config.series_settings import SeriesSettings
from engine.config.values import Section
from engine.config.yaml_source import KeyPath, dotted

HPARAMS: KeyPath = ("train", "hparams")
PLUGINS: KeyPath = ("model", "plugins")

_OF_FLOWS: tuple[type[Section], ...] = (SeriesSettings, ImageSettings)

RENAMED = {
    "fflow_module": "flow_module",
    "flow_type": "flow_module",
    "time_step": "model.window",
    "prediction_step": "model.horizon",
    "ds": "dataset",
    "data": "dataset",
    "eval": "evaluate",
    "hyperparameters": "train.hparams",
    "lr": "train.hparams.init_lr",
}
"""Keys of the platform that this one replaces, and other common names, by what they are now."""

DROPPED = {
    "input_size": "is said by dataset.height and dataset.width, for images; remove it",
    "classes": "is not set by hand: the classes of images are those of the data set; remove it",
    "model_name": "is not set by hand: a version is named by the run that trained it; remove it",
    "version": "is not set by hand: versions are numbered when they are stored; remove it",
    "save_dir": "is not needed: models lie in the workspace's central storage; remove it",
    "drift_detection": "has no settings; remove it",
    "loss": "is chosen by model.objective: median (mae) or stock (mse); remove it",
    "mlflow": "is set for all runs, in engine.yaml: tracking; remove it here",
}
"""Keys of the platform that this one replaces which have no counterpart, and why."""


def all_keys(root: type[Section], hparams: Iterable[str] = ()) -> list[str]:
    """List the dotted keys of all settings and sections of a tree.

    Args:
        root: SeriesSettings, ImageSettings or EngineSettings.
        hparams: Names of hyper-parameters that count as settings too.
    """
    settings = [doc.key for doc in describe_settings(root)]
    return [*settings, *section_docs(root), *(dotted((*HPARAMS, name)) for name in hparams)]


def unknown_key(
    path: KeyPath, where: str, root: type[Section], hparams: Iterable[str] = ()
) -> Problem:
    """Describe a key that no setting has, with the nearest that exists.

    Args:
        path: Key path as the user wrote it.
        where: Where it stands.
        root: SeriesSettings, ImageSettings or EngineSettings.
        hparams: Names of hyper-parameters, so that `epochs` finds `train.hparams.epochs`.
    """
    name = str(path[-1])
    known = all_keys(root, hparams)
    if reason := DROPPED.get(name):
        return Problem(reason, where=where, key=dotted(path))
    if "." in name and dotted(path) in known:
        what = "dots join keys in --set; in a file write the sections one below the other"
        return Problem(what, where, dotted(path))
    if other := _data_type_with(dotted(path), root):
        return Problem(
            f"unknown key here: it is a setting of data_type {other}", where, dotted(path)
        )
    renamed = RENAMED.get(name, "")
    suggestion = renamed if renamed in known else likely_key(path, known)
    siblings = [key.rpartition(".")[2] for key in known if key.rpartition(".")[0] == _parent(path)]
    allowed = "" if suggestion else ", ".join(siblings)
    return Problem("unknown key", where, dotted(path), allowed, suggestion)


def _data_type_with(key: str, root: type[Section]) -> str:
    """Another kind of data whose settings have this key; "" when none has."""
    if root not in _OF_FLOWS:
        return ""
    kinds = (kind for kind in _OF_FLOWS if kind is not root and key in all_keys(kind))
    found = next(kinds, None)
    return "" if found is None else str(found.model_fields["data_type"].default)


def likely_key(path: KeyPath, known: Collection[str]) -> str:
    """Return the existing key that a wrong one most likely means, or an empty string.

    A likely name in the same section wins over the same name in another section, and that over
    a likely name anywhere.
    """
    name, parent = str(path[-1]), _parent(path)
    here = {key.rpartition(".")[2]: key for key in known if key.rpartition(".")[0] == parent}
    if typo := nearest(name, here, cutoff=0.75):
        return here[typo]
    same_name = [key for key in known if key.rpartition(".")[2] == name.lower()]
    if same_name:
        return same_name[0]
    return nearest(dotted(path), known, cutoff=0.85) or here.get(nearest(name, here), "")


def _parent(path: KeyPath) -> str:
    return dotted(path[:-1])
