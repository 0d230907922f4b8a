"""What a notebook wants of a workspace, as pandas tables.

    from engine import notebook
    from engine.workspace import Workspace

    workspace = Workspace.locate()          # $MLOPS_WORKSPACE, or the default one
    notebook.launch(workspace, "full_flow", model_type="LightGBM")
    notebook.runs(workspace)
    notebook.versions(workspace)
    notebook.forecast(workspace, level=0.8, held_back=7)

Everything is read from the workspace itself, except that runs are asked of its engine, which is
started when none runs. pandas is imported where a table is made, and nowhere else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.client import EngineClient, calls
from engine.errors import EngineError, NotFoundError
from engine.schema import ResetEvent, RunDetail, RunEvent
from engine.states import FINAL_STATES
from engine.store import AliasRegistry, Version, open_store
from engine.workspace import Workspace
from models.data_types import TIMESERIES

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.dataset import Dataset
    from models.arrays import Panel

_CANDIDATE = "candidate"
_MOST_RUNS = 1000


class RunFailedError(EngineError):
    """A run that was launched here and did not end well."""


def launch(
    workspace: Workspace, flow: str, *, settings: dict[str, Any] | None = None, **flags: Any
) -> RunDetail:
    """Run a flow and wait for its end.

    Args:
        workspace: Whose engine runs it; it is started when none runs.
        flow: data_flow, train_flow, eval_flow, deploy_flow or full_flow.
        settings: Settings by dotted key, such as {"train.seed": 3}.
        flags: What has an option of its own: data, data_type, model_type, epochs, seed, threads.

    Raises:
        RunFailedError: It did not end as COMPLETED.
        EngineError: It was not accepted, or the engine cannot be reached.
    """
    overrides = [f"{key}={json.dumps(value)}" for key, value in (settings or {}).items()]
    with EngineClient(workspace) as engine:
        run = engine.send(calls.launch(flow, overrides=overrides, flags=flags)).run
        for event in engine.events(run.id):
            if isinstance(event, ResetEvent):
                run = engine.send(calls.run(run.id)).run
            elif isinstance(event, RunEvent):
                run = event.run
            if run.state in FINAL_STATES:
                break
        detail = engine.send(calls.run(run.id))
    if detail.run.state != "COMPLETED":
        raise RunFailedError(
            f"{detail.run.flow} {detail.run.name}: {detail.run.state}: {detail.run.message}",
            where=f"run {run.id}",
            fix=f"See its log: engine logs {run.id[:8]}",
        )
    return detail


def runs(workspace: Workspace, limit: int = 50) -> pd.DataFrame:
    """The newest runs, one a row: id, flow, name, model, state, started (UTC), seconds, message.

    Args:
        workspace: Whose runs.
        limit: How many at most, up to 1000.
    """
    import pandas as pd

    with EngineClient(workspace) as engine:
        found = engine.send(calls.runs(min(limit, _MOST_RUNS))).runs
    rows = [
        {
            "id": run.id,
            "flow": run.flow,
            "name": run.name,
            "model": run.parameters.get("model_type") or "",
            "state": run.state,
            "started": run.started,
            "seconds": run.ended - run.started if run.ended and run.started else None,
            "message": run.message,
        }
        for run in found
    ]
    columns = ["id", "flow", "name", "model", "state", "started", "seconds", "message"]
    table = pd.DataFrame(rows, columns=columns)
    table["started"] = pd.to_datetime(table["started"], unit="s", utc=True)
    return table.astype({"seconds": "float64"})


def versions(workspace: Workspace, data_type: str = TIMESERIES) -> pd.DataFrame:
    """The deployed versions, the newest first: alias, model, created (UTC) and what they scored.

    The index is the version's id. What is scored depends on the kind of data: mae, mase, rmsse,
    wape and bias of series, for instance.
    """
    import pandas as pd

    aliases = AliasRegistry(workspace.central_storage, data_type).read()
    roles = {version: name for name, version in aliases.named()}
    rows = [
        {
            "version": version.id,
            "alias": roles.get(version.id, ""),
            "model": version.model_type,
            "created": version.created,
            **_numbers(version.lineage["evaluation"]["scores"][_CANDIDATE]["overall"]),
        }
        for version in open_store(workspace).newest()
        if version.data_type == data_type
    ]
    table = pd.DataFrame(rows, columns=None if rows else ["version", "alias", "model", "created"])
    table["created"] = pd.to_datetime(table["created"], unit="s", utc=True)
    return table.set_index("version")


def scores(workspace: Workspace, version: str = "champion") -> pd.DataFrame:
    """What a version and the ones that it was held against scored: a row each."""
    import pandas as pd

    found = version_of(workspace, version)
    told = found.lineage["evaluation"]["scores"]
    rows = {
        found.model_type + " (this version)" if name == _CANDIDATE else name: _numbers(
            one["overall"]
        )
        for name, one in told.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def learning_curve(workspace: Workspace, version: str = "champion") -> pd.DataFrame:
    """How the losses of a version went while it learned; empty for one that learns at once."""
    import pandas as pd

    curve = version_of(workspace, version).lineage["training"]["fit"]["curve"]
    return pd.DataFrame(curve)


def history(workspace: Workspace, series: str | None = None) -> pd.DataFrame:
    """The series of the data that the champion learned from: unique_id, ds, y.

    Args:
        workspace: Whose.
        series: Only this one.
    """
    import numpy as np
    import pandas as pd

    panel = _dataset(workspace, version_of(workspace)).panel()
    names = panel.ids if series is None else (_known(panel, series),)
    parts = []
    for name in names:
        values = panel.values[panel.ids.index(name)]
        known = np.flatnonzero(~np.isnan(values))
        days = pd.Timestamp(panel.start) + pd.to_timedelta(known, unit="D")
        parts.append(pd.DataFrame({"unique_id": name, "ds": days, "y": values[known]}))
    return pd.concat(parts, ignore_index=True)


def forecast(
    workspace: Workspace,
    version: str = "champion",
    *,
    series: str | None = None,
    steps: int | None = None,
    level: float | None = None,
    held_back: int = 0,
) -> pd.DataFrame:
    """Forecast one series: ds, forecast, actual, and low and high where a level is given.

    Args:
        workspace: Whose.
        version: Id or alias of the version that answers, in this process.
        series: Which series; the one with most volume unless it is said.
        steps: Days; the version's horizon unless they are said.
        level: Share of days that the interval shall hold, such as 0.8.
        held_back: So many of the last days are not shown to the model: they are what `actual` has.
            Days up to `Version.last_day_seen` it has learned from; later ones are news to it.

    Raises:
        NotFoundError: There is no such version or series.
        ModelError: The version does not verify.
        ModelProblem: Too few days are left, or the version has no intervals.
    """
    import pandas as pd

    chosen = version_of(workspace, version)
    model = chosen.open_forecaster()
    panel = _dataset(workspace, chosen).panel()
    name = _known(panel, series or _largest(panel))
    row = panel.ids.index(name)
    one = panel.series(slice(row, row + 1)).with_covariates(model.signature.covariates)
    end = int(one.spans[1][0]) - held_back
    windows = one.until(max(end, 0)).last_windows(model.window)
    if not len(windows):
        raise NotFoundError(
            f"{name} has no {model.window} days in a row before the forecast",
            where=f"data set of version {chosen.id}",
            fix="Hold back fewer days, or take another series",
        )
    days = steps or model.horizon
    point = model.forecast(windows, days)
    first = pd.Timestamp(panel.date_of(end))
    table = pd.DataFrame({"ds": pd.date_range(first, periods=days), "forecast": point[0]})
    table.insert(0, "unique_id", name)
    table["actual"] = pd.Series(panel.values[row, end : end + days])
    if level is not None:
        lower, upper = model.interval(point, windows, level)
        table["low"], table["high"] = lower[0], upper[0]
    return table


def version_of(workspace: Workspace, name: str = "champion") -> Version:
    """The version that an id, `champion` or `previous` names, of series.

    Raises:
        NotFoundError: There is none.
    """
    aliases = AliasRegistry(workspace.central_storage, TIMESERIES).read()
    known = {"champion": aliases.champion, "previous": aliases.previous}
    if name in known and known[name] is None:
        raise NotFoundError(f"there is no {name} yet", fix='launch(workspace, "full_flow")')
    return open_store(workspace).get(known.get(name) or name)


def _dataset(workspace: Workspace, version: Version) -> Dataset:
    from engine.data.dataset import open_dataset

    return open_dataset(workspace.datasets, str(version.lineage["training"]["dataset"]))


def _largest(panel: Panel) -> str:
    import numpy as np

    return panel.ids[int(np.argmax(np.nansum(np.abs(panel.values), axis=1)))]


def _known(panel: Panel, series: str) -> str:
    if series not in panel.ids:
        shown = ", ".join(panel.ids[:5])
        raise NotFoundError(f"there is no series {series!r}", fix=f"There are {shown} ...")
    return series


def _numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, int | float)}
