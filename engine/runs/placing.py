"""A run that is done on another machine: what both sides have agreed on.

The machine at home keeps the run: its table, its folder, its end. The flow run in the work pool is
where both sides meet; nothing needs a port at home, and nothing but plain data is exchanged:

- its parameters say what is to be done (`settings`) and for whom (`placement`);
- whoever does it says so first, by an input that can be written only once for each attempt;
- its labels say where it is done, and that whoever does it lives;
- its log carries the lines of the run's log and, as JSON, the events of its progress;
- a last input says how it ended and what it made.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import ServerError
from engine.states import FINAL_STATES

PLACED_FLOWS = ("data_flow", "train_flow", "eval_flow")
"""The flows that can be done elsewhere: deploying is for the machine that serves."""

NOT_PLACED = "NotPlaced"
"""Name of the state of a flow run that is made, and not yet offered to the pool."""

HOST_LABEL = "mlops.host"
WORKER_LABEL = "mlops.worker"
ALIVE_LABEL = "mlops.alive"

LOG_LEVEL = 21
"""Level of a record that is a line of the log: Prefect finds records by level."""

PROGRESS_LEVEL = 22
"""Level of a record that is an event of the progress."""

LOG_NAME = "mlops.log"
PROGRESS_NAME = "mlops.progress"
OUTCOME_KEY = "mlops-outcome"

_HOME_ID = re.compile(r"[0-9a-f]{16}")
_RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def claim_key(attempt: int) -> str:
    """Name of the input that only one can write: whoever does this attempt, or ends it."""
    return f"mlops-claim-{attempt}"


def home_id(root: Path) -> str:
    """Which workspace a placed run belongs to, for those that share a storage."""
    return hashlib.sha256(f"{platform.node()}:{root.resolve()}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Placement:
    """For whom a run is done elsewhere.

    Attributes:
        run_id: The run's id at home, which its candidate or evaluation is called by.
        attempt: Which offer to the pool this is; who comes with an older one is not wanted.
        home: The workspace that it belongs to.
        champion: The version that serves there, None when none does.
    """

    run_id: str
    attempt: int
    home: str
    champion: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As a parameter of the flow run."""
        return asdict(self)

    @classmethod
    def parse(cls, parameters: Mapping[str, Any]) -> Placement:
        """Read it from the parameters of a flow run.

        Raises:
            ServerError: They were not written by an engine.
        """
        try:
            found = cls(**parameters["placement"])
            is_right = (
                isinstance(found.run_id, str)
                and _RUN_ID.fullmatch(found.run_id)
                and isinstance(found.attempt, int)
                and isinstance(found.home, str)
                and _HOME_ID.fullmatch(found.home)
                and (found.champion is None or isinstance(found.champion, str))
            )
        except (KeyError, TypeError):
            is_right = None
        if not is_right:
            raise ServerError(
                "this flow run was not placed by an engine",
                fix="Launch it from where the engine is: engine run",
            )
        return found


@dataclass(frozen=True)
class FarEnd:
    """How a run ended elsewhere, as whoever did it reports.

    Attributes:
        state: COMPLETED, FAILED, CRASHED or CANCELLED.
        message: Why.
        error_kind: Family of the error.
        outputs: What the run made, by name.
        handoffs: What it leaves for the next flow: kind, value and data type of each.
        last: Time of the last record that it sent; "" when it sent none.
    """

    state: str
    message: str = ""
    error_kind: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    handoffs: tuple[tuple[str, str, str], ...] = ()
    last: str = ""

    def to_json(self) -> str:
        """As the value of an input."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def parse(cls, values: Any) -> FarEnd:
        """Read it back.

        Raises:
            ServerError: It is something else.
        """
        try:
            end = cls(**{**values, "handoffs": tuple(map(tuple, values.get("handoffs", ())))})
            texts = [end.state, end.message, end.error_kind, end.last]
            texts += [text for handoff in end.handoffs for text in handoff]
            is_right = (
                all(isinstance(text, str) for text in texts)
                and all(len(handoff) == 3 for handoff in end.handoffs)
                and end.state in FINAL_STATES
                and isinstance(end.outputs, dict)
            )
        except (AttributeError, TypeError, ValueError):
            is_right = False
        if not is_right:
            raise ServerError("what the other machine reported of the end cannot be read")
        return end
