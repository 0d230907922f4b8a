"""Writes docs/metrics.md: every metric of engine and predictor, as they describe themselves.

python docs/make_metrics.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.daemon.engine import Engine
from engine.predictor.metrics import Metrics
from engine.workspace import Workspace

PAGE = Path(__file__).parent / "metrics.md"

_BEGIN = """\
# Metrics

What `GET /metrics` answers, for Prometheus. Made by `python docs/make_metrics.py`.

`deploy/prometheus` has a configuration and alerts for all of this, `deploy/grafana` dashboards.
"""
_ENGINE = """
## The engine

At the port of the flow API (8686). Who reads on the very machine needs no token, others one of a
viewer.
"""
_PREDICTOR = """
## The predictor

At its own port (4242), of all workers together. Beside these it has the usual `process_*` where it
is a single worker; of several, the engine tells memory and processor time (`mlops_child_*`).
"""

Row = tuple[str, str, str, tuple[str, ...]]
"""Name, kind, help and labels."""


def page() -> str:
    """The whole file."""
    rows = asyncio.run(_of_engine())
    return "".join([_BEGIN, _ENGINE, *_table(rows), _PREDICTOR, *_table(Metrics().known())])


async def _of_engine() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        engine = Engine(Workspace(Path(name)).create())
        rows = [(one.name, one.kind, one.help, one.labels) for one in engine.metrics.metrics]
        await engine.stop()
    return rows


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield "\n| metric | kind | labels | what it says |\n|---|---|---|---|\n"
    for name, kind, what, labels in rows:
        shown = ", ".join(f"`{label}`" for label in labels)
        yield f"| `{name}` | {kind} | {shown} | {what} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"written: {PAGE}\n")
