"""Small fitted models, prepared data and deployed versions, made by the real code."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.config.series_settings import DatasetSettings
from engine.data.dataset import Dataset, write_dataset
from engine.data.rules import apply_rules
from engine.data.sample import write_sample
from engine.data.sources import load_rows
from engine.store import AliasRegistry, Version, VersionStore
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from models import registry
from models.arrays import Panel
from models.base import no_progress
from models.forecasting.bundle import write_bundle
from models.forecasting.windows import windows_before

DAYS = 60


def make_bundle(
    folder: Path, *, window: int = 14, calibrated: bool = False, totals: bool = True
) -> Path:
    """Fit a seasonal naive model on two series and write its serving bundle.

    Both rise by one a day, so it always says 7 too little: calibrated, its intervals begin at the
    forecast and reach 7 further up for a window that moves no more than these. Without `totals`
    it is like one that was trained before these were kept.
    """
    values = np.arange(2.0 * DAYS).reshape(2, DAYS)
    panel = Panel(("a", "b"), dt.date(2026, 1, 1), values)
    model = registry.create(
        "SeasonalNaive", window=window, horizon=7, seed=7, threads=1, hparams={}
    )
    model.fit(panel, validation_days=0, progress=no_progress)
    if calibrated:
        calibration = model.calibrate(panel, validation_days=21)
        if not totals:
            model.calibration = replace(calibration, totals=None, short=None)
    windows, _ = windows_before(panel, panel.days, window)
    write_bundle(model, folder, windows)
    return folder


def lineage(dataset: str = "0" * 16) -> dict[str, Any]:
    """What deploy_flow records about a version, as far as commands read it."""
    overall = {"mase": 0.9, "rmsse": 0.8, "wape": 0.1, "bias": -0.02, "mae": 3.0}
    scores = {name: {"overall": overall} for name in ("candidate", "SeasonalNaive")}
    return {
        "training": {"dataset": dataset, "last_day_seen": "2026-02-01"},
        "evaluation": {"scores": scores},
    }


def deploy(workspace: Workspace, bundle: Path, *, dataset: str = "0" * 16) -> Version:
    """Store a bundle and make it the champion."""
    store = VersionStore(workspace.central_storage)
    created = 1_767_225_600.0 + len(store.newest())
    version = store.add(bundle, created=created, lineage=lineage(dataset))
    aliases = AliasRegistry(workspace.central_storage)
    aliases.promote(version.id, expected=aliases.read().champion)
    return version


def prepare_dataset(workspace: Workspace, folder: Path, **columns: Any) -> Dataset:
    """Generate a ledger, write it into the workspace as data_flow does, and leave it.

    `columns` are settings that name columns of it: sales, deliveries, stock and promo.
    """
    write_sample(folder / "ledger.csv", series=3, days=120)
    settings = DatasetSettings(
        ds_root=".",
        file_path="ledger.csv",
        date_col="date",
        series_col="product",
        **{"target_col": "stock", **columns},
    )
    clean = apply_rules(load_rows(settings, root=folder), settings, window=14, horizon=7)
    dataset = write_dataset(
        clean.frame, report=clean.report, settings=settings, datasets_dir=workspace.datasets
    )
    Handoffs(workspace.database).leave("dataset", dataset.id, "a-run")
    return dataset
