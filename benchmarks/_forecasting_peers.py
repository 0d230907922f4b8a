"""The peers of our forecasters: AutoETS and AutoCES of statsforecast, the LSTM of neuralforecast.

Runs in an environment of its own, whose libraries ours does not have:

    .venv/peers/bin/python _forecasting_peers.py

Each line on stdin is a request, each line on stdout its answer, both JSON. Values travel as rows
of a panel, null where a series has no value; forecasts come back as rows of days, nothing is
scored here.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

PACKAGES = ("statsforecast", "neuralforecast", "torch")
CORES = os.cpu_count() or 1
# Where several work side by side, each takes one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def long_frame(request: dict[str, Any], days: int) -> pd.DataFrame:
    """The first `days` columns as a frame unique_id, ds, y; a series is named by its row."""
    values = np.array(request["values"], dtype=np.float64)[:, :days]
    rows, columns = np.nonzero(~np.isnan(values))
    start = np.datetime64(request["start"], "ns")
    return pd.DataFrame(
        {
            "unique_id": rows,
            "ds": start + columns * np.timedelta64(1, "D"),
            "y": values[rows, columns],
        }
    )


def by_rows(frame: pd.DataFrame, column: str, rows: list[int]) -> list[list[float]]:
    """A column of an answer of these libraries, as one list a row of the panel."""
    table = frame.pivot(index="unique_id", columns="ds", values=column).loc[rows]
    return [[float(value) for value in row] for row in table.to_numpy()]


def statistics(request: dict[str, Any]) -> dict[str, Any]:
    """AutoETS or AutoCES, fitted to all days of each series before each origin."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoCES, AutoETS

    name = request["model"]
    model = {"AutoETS": AutoETS, "AutoCES": AutoCES}[name](
        season_length=request["season"], alias=name
    )
    columns, wanted = {"forecast": name}, {}
    if request["intervals"]:
        level = request["level"]
        columns |= {"lower": f"{name}-lo-{level}", "upper": f"{name}-hi-{level}"}
        wanted["level"] = [level]
    answer: dict[str, Any] = {part: [] for part in columns}
    began = time.perf_counter()
    for origin, rows in zip(request["origins"], request["rows"], strict=True):
        known = long_frame(request, origin)
        known = known[known["unique_id"].isin(rows)]
        engine = StatsForecast([model], freq="D", n_jobs=request["jobs"])
        found = engine.forecast(df=known, h=request["horizon"], **wanted)
        for part, column in columns.items():
            answer[part].append(by_rows(found, column, rows))
    answer["seconds"] = time.perf_counter() - began
    return answer


def network(request: dict[str, Any]) -> dict[str, Any]:
    """The LSTM as it comes, trained once on all days before the first origin."""
    began = time.perf_counter()
    forecaster = _forecaster(request, request["steps"], CORES)
    forecaster.fit(df=long_frame(request, request["origins"][0]))
    trained = time.perf_counter()
    answer: dict[str, Any] = {"forecast": [], "seconds": trained - began}
    for origin, rows in zip(request["origins"], request["rows"], strict=True):
        known = long_frame(request, origin)
        found = forecaster.predict(df=known[known["unique_id"].isin(rows)])
        answer["forecast"].append(by_rows(found, "LSTM", rows))
    return answer


def network_speed(request: dict[str, Any]) -> dict[str, Any]:
    """Windows that an LSTM of the size asked for learns from in a second of one thread.

    The first steps, which prepare much, do not count.
    """
    from pytorch_lightning import Callback

    times: list[float] = []

    class Clock(Callback):  # type: ignore[misc]
        # Not an attribute: the model and its callbacks are copied before they train.
        def on_train_batch_end(self, *_: Any) -> None:
            times.append(time.process_time())

    units, layers = request["units"], request["layers"]
    sizes = {
        "encoder_hidden_size": units,
        "encoder_n_layers": layers,
        "decoder_hidden_size": units,
    }
    skipped, steps = request["skipped"], request["steps"]
    forecaster = _forecaster(request, skipped + steps, 1, callbacks=[Clock()], **sizes)
    forecaster.fit(df=long_frame(request, request["origins"][0]))
    seconds = times[-1] - times[skipped - 1]
    return {"samples_a_second": steps * request["batch"] / seconds}


def _forecaster(request: dict[str, Any], steps: int, threads: int, **options: Any) -> Any:
    import torch
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MAE
    from neuralforecast.models import LSTM

    torch.set_num_threads(threads)
    model = LSTM(
        h=request["horizon"],
        input_size=request["window"],
        loss=MAE(),
        max_steps=steps,
        windows_batch_size=request["batch"],
        scaler_type="robust",
        random_seed=request["seed"],
        accelerator="cpu",
        # What would only cost it time.
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
        **options,
    )
    return NeuralForecast(models=[model], freq="D")


def versions(_: dict[str, Any]) -> dict[str, Any]:
    """What the peers are."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    task.__name__: task for task in (versions, statistics, network, network_speed)
}


def answers() -> Iterator[dict[str, Any]]:
    """An answer to each request on stdin."""
    for line in sys.stdin:
        request = json.loads(line)
        yield TASKS[request["task"]](request)


def main() -> None:
    """Answer until stdin ends."""
    # The libraries print; stdout is for answers only.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)
        warnings.simplefilter("ignore")
        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        for answer in answers():
            output.write(json.dumps(answer, allow_nan=False) + "\n")
            output.flush()


if __name__ == "__main__":
    main()
