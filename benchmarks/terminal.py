"""The control center in a real pseudo-terminal: start, keys, bytes, changes, idle, memory.

A history of 100,000 runs, a run of 5,000 tasks, a log of a million lines. Beside it, in the same
run: the smallest Textual application and, where it is installed, Posting (`make bench` installs it
into an environment of its own).

    python benchmarks/terminal.py [--runs 100000] [--keys 60] [--json]
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from _claims import Claim, at_most, compared, parser_of, percentile, report
from _long_history import write_history
from _pty import Terminal

from engine.client import EngineClient, calls
from engine.data.sample import write_sample
from engine.schema import ChooseRequest
from engine.workspace import Workspace

PLUGIN = Path(__file__).parent / "_busy_model.py"
COLUMNS = ("dataset.date_col=date", "dataset.target_col=sales", "dataset.series_col=product")
SIZES = ((80, 24), (120, 40), (200, 60))
MOVES = (b"j", b"j", b"k", b"j", b"\x04", b"j", b"\x15", b"j", b"G", b"k", b"gg")
TASKS, LOG_LINES = 5000, 1_000_000
# The chart library is loaded after the first data, a second or two after the start.
START_SECONDS, IDLE_SECONDS = 8.0, 20.0
MINIMAL = [sys.executable, str(Path(__file__).parent / "_minimal_app.py")]
CHANGES = 20
STARTS = 5


@dataclass
class Keys:
    """What pressing keys came to: seconds to the first byte, and bytes, for each."""

    seconds: list[float]
    bytes: list[int]


def command_of(workspace: Workspace, screen: str) -> list[str]:
    """The terminal on a screen, as a program."""
    kept = {"screen": screen, "theme": "dark", "language": "en"}
    (workspace.root / "terminal.json").write_text(json.dumps(kept))
    program = str(Path(sys.executable).with_name("mlops-tui"))
    return [program, "--workspace", str(workspace.root), "--no-start"]


def measure_start(command: list[str], first: str, data: str) -> tuple[float, float]:
    """Medians of the seconds until the first frame and the first data."""
    frames, answers = [], []
    for _ in range(STARTS):
        with Terminal(command) as terminal:
            frames.append(terminal.wait_for(first) - terminal.began)
            if data:
                answers.append(terminal.wait_for(data) - terminal.began)
    return statistics.median(frames), statistics.median(answers or [0.0])


def press(terminal: Terminal, moves: tuple[bytes, ...], number: int) -> Keys:
    """Press keys one after the other, each when the screen has settled."""
    keys = Keys([], [])
    for index in range(number):
        terminal.settle()
        sent = terminal.send(moves[index % len(moves)])
        first = terminal.first_after(sent, 0.5)
        if first is None:
            # The key changed nothing that is seen, such as "up" at the top.
            continue
        terminal.settle()
        keys.seconds.append(first - sent)
        keys.bytes.append(terminal.bytes_since(sent))
    return keys


def key_claims(name: str, keys: Keys) -> Iterator[Claim]:
    """Time and bytes of a key on one screen."""
    slow = percentile(keys.seconds, 0.95) * 1000.0
    usual = statistics.median(keys.seconds) * 1000.0
    yield at_most(f"key to first byte, {name}, p95", slow, "ms", 16.0, "median", usual)
    large = percentile([float(size) for size in keys.bytes], 0.95) / 1000.0
    mean = statistics.median(keys.bytes) / 1000.0
    yield at_most(f"bytes a key, {name}, p95", large, "kB", 10.0, "median", mean)


def measure_keys(workspace: Workspace, number: int) -> Iterator[Claim]:
    """Keys on the list of runs, in a large run and in a long log, at three sizes."""
    for columns, lines in SIZES:
        with Terminal(command_of(workspace, "runs"), columns, lines) as terminal:
            terminal.wait_for("busy-otter-0")
            terminal.settle(0.5)
            size = f"{columns}x{lines}"
            yield from key_claims(f"Runs {size}", press(terminal, MOVES, number))
            terminal.send(b"gg")
            terminal.settle(0.3)
            terminal.send(b"\r")
            terminal.wait_for("task_", time.perf_counter() - 1.0)
            terminal.settle(0.5)
            moves = (*MOVES, b"z", b">", b"0")
            yield from key_claims(f"Run {size}", press(terminal, moves, number))
            terminal.send(b"L")
            terminal.wait_for("series ", time.perf_counter() - 1.0)
            terminal.settle(1.0, 10.0)
            yield from key_claims(f"Logs {size}", press(terminal, MOVES, number))


def measure_changes(workspace: Workspace, client: EngineClient) -> Iterator[Claim]:
    """From a change in the engine to the bytes that show it."""
    write_sample(workspace.data / "sample.csv")
    sample = str(workspace.data / "sample.csv")
    data = client.send(calls.launch("data_flow", overrides=COLUMNS, flags={"data": sample})).run
    _wait(client, data.id, {"COMPLETED"})
    busy = (f"model.plugins={json.dumps([str(PLUGIN)])}", "train.hparams.behaviour=wait")
    holders = [
        client.send(calls.launch("train_flow", overrides=busy, flags={"model_type": "Busy"})).run.id
        for _ in range(2)
    ]
    for run_id in holders:
        _wait(client, run_id, {"RUNNING"})
    accepted, cancelled = [], []
    with Terminal(command_of(workspace, "runs")) as terminal:
        terminal.wait_for("train_flow")
        terminal.settle(0.3)
        for _ in range(CHANGES):
            began = time.perf_counter()
            run = client.send(calls.launch("data_flow", flags={"data": sample})).run
            replied = time.perf_counter()
            accepted.append(max(0.0, terminal.wait_for(run.id[:8], began) - replied))
            terminal.settle()
            began = time.perf_counter()
            client.send(calls.cancel(run.id))
            cancelled.append(terminal.wait_for("cancelled", began) - began)
            terminal.settle()
    client.send(calls.cancel_all(ChooseRequest(ids=tuple(holders)), hard=True))
    for run_id in holders:
        _wait(client, run_id, {"CANCELLED", "CRASHED"})
    slow, usual = (percentile(accepted, share) * 1000.0 for share in (0.95, 0.5))
    yield at_most("a launch is seen, p95", slow, "ms", 300.0, "median", usual)
    slow, usual = (percentile(cancelled, share) * 1000.0 for share in (0.95, 0.5))
    yield at_most("a cancellation is seen, p95", slow, "ms", 300.0, "median", usual)


def idle(terminal: Terminal) -> tuple[float, float]:
    """Per cent of a processor, and bytes a second, once the start is over."""
    time.sleep(START_SECONDS)
    process = psutil.Process(terminal.process.pid)
    used, began = sum(process.cpu_times()[:2]), time.perf_counter()
    time.sleep(IDLE_SECONDS)
    share = (sum(process.cpu_times()[:2]) - used) / IDLE_SECONDS * 100.0
    return share, terminal.bytes_since(began) / IDLE_SECONDS


def measure_idle(workspace: Workspace) -> Iterator[Claim]:
    """What it costs to do nothing, and memory after all screens were seen."""
    with Terminal(MINIMAL) as terminal:
        terminal.wait_for("minimal application")
        least, _ = idle(terminal)
    peer = "smallest Textual application"
    for screen in ("runs", "pulse"):
        with Terminal(command_of(workspace, screen)) as terminal:
            terminal.wait_for("ready")
            share, flow = idle(terminal)
            name = screen.capitalize()
            yield at_most(f"processor at idle, {name}", share, "%", 0.5, peer, least)
            yield at_most(f"bytes a second at idle, {name}", flow, "B/s", 0.0, "", None)
    with Terminal(command_of(workspace, "runs")) as terminal:
        terminal.wait_for("busy-otter-")
        for key in b"1234567892":
            terminal.send(bytes([key]))
            terminal.settle(0.4)
        time.sleep(3.0)
        memory = psutil.Process(terminal.process.pid).memory_full_info()
        yield at_most(
            "memory after all screens (RSS)", memory.rss / 2**20, "MiB", 80.0, "PSS",
            memory.pss / 2**20,
        )  # fmt: skip


def _wait(client: EngineClient, run_id: str, states: set[str]) -> None:
    while client.send(calls.run(run_id)).run.state not in states:
        time.sleep(0.05)


def measure(runs: int, number: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    least, _ = measure_start(MINIMAL, "minimal application", "")
    posting = _posting()
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name) / "workspace").create()
        write_history(workspace, runs=runs, tasks=TASKS, log_lines=LOG_LINES)
        with EngineClient(workspace) as client:
            client.send(calls.status())
            try:
                command = command_of(workspace, "runs")
                frame, data = measure_start(command, "Pulse", "busy-otter-0")
                peer = "smallest Textual application"
                yield at_most("first frame", frame * 1000, "ms", 300.0, peer, least * 1000)
                yield at_most("first data", data * 1000, "ms", 1000.0, peer, least * 1000)
                if posting:
                    other, _ = measure_start([posting], "Collection", "")
                    yield compared("first frame", frame * 1000, "ms", "Posting", other * 1000)
                yield from measure_keys(workspace, number)
                yield from measure_idle(workspace)
                yield from measure_changes(workspace, client)
            finally:
                client.send(calls.down(cancel_runs=True))


def _posting() -> str | None:
    own = Path(sys.prefix) / "posting" / "bin" / "posting"
    return str(own) if own.exists() else shutil.which("posting")


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=60)
    arguments = parser.parse_args()
    claims = measure(arguments.runs, arguments.keys)
    return max(report([claim], as_json=arguments.json) for claim in claims)


if __name__ == "__main__":
    sys.exit(main())
