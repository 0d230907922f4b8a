"""What is counted, also when several workers count together and one of them is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.processes import start_mark
from engine.store import Version
from tests.unit.daemon.loop import in_event_loop
from tests.unit.deployments import deploy
from tests.unit.picture_bundles import colour_picture, deploy_pictures, png
from tests.unit.predictor.conftest import Predictor, classifying, serving

VALUES = [1.0] * 30

# Prints its page when a line comes, and dies without a word when its input ends.
WORKER = """
import json, os, sys
from pathlib import Path
from engine.predictor.metrics import Metrics, Sharing
from engine.predictor_options import read_record
from engine.processes import is_alive, start_mark

folder, index, model = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def lives(number):
    record = read_record(folder / f"worker-{number}.json")
    return is_alive(record.get("pid"), record.get("mark"))

metrics = Metrics(Sharing(folder / "metrics", index, lives))
metrics.serving("timeseries", model, "LSTM", 1000.0 + index)
metrics.answered("/predict_timeseries", 200, 0.002)
metrics.in_flight = index + 1
metrics.look()
record = {"pid": os.getpid(), "mark": start_mark(os.getpid())}
(folder / f"worker-{index}.json").write_text(json.dumps(record))
print("ready", flush=True)
for _ in sys.stdin:
    print(json.dumps(metrics.page().decode()), flush=True)
os._exit(9)
"""


class Worker:
    """A process that counts; two answers and it is gone."""

    def __init__(self, folder: Path, index: int, model: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), str(index), model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def page(self) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        text: str = json.loads(self.process.stdout.readline())
        return text.splitlines()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


ANSWERS = 'mlops_predictor_answers_total{path="/predict_timeseries",status="200"}'
IN_FLIGHT = "mlops_predictor_requests_in_flight"
OF = 'mlops_predictor_model_workers{{data_type="timeseries",model_name="{}",model_type="LSTM"}}'


def test_workers_count_together_and_one_that_was_killed_is_not_counted_as_living(
    tmp_path: Path,
) -> None:
    first, second = Worker(tmp_path, 0, "old"), Worker(tmp_path, 1, "new")
    try:
        both = first.page()
        second.kill()
        alone = first.page()
        third = Worker(tmp_path, 1, "new")
        again = first.page()
        third.kill()
    finally:
        first.kill()

    assert f"{ANSWERS} 2.0" in both
    assert f"{IN_FLIGHT} 3.0" in both
    assert {f"{OF.format('old')} 1.0", f"{OF.format('new')} 1.0"} <= set(both)
    assert f"{ANSWERS} 2.0" in alone, "what it has answered stays answered"
    assert f"{IN_FLIGHT} 1.0" in alone
    assert not [line for line in alone if line.startswith(OF.format("new"))]
    assert f"{ANSWERS} 3.0" in again, "its successor goes on counting"
    assert f"{OF.format('new')} 1.0" in again
    assert len(list((tmp_path / "metrics").glob("*.db"))) <= 2 * 4, "and leaves no more files"


@pytest.mark.parametrize(
    "content", [b"garbage" * 100, b"", b"\xff" * 70_000, b"\x10\x27\x00\x00" + b"\0" * 65_532]
)
def test_a_file_that_a_loss_of_power_left_damaged_costs_its_counts_and_no_more(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "metrics").mkdir()
    for name in ("counter_0.db", "histogram_0.db", "counter_1.db", "gauge_sum_0.db"):
        (tmp_path / "metrics" / name).write_bytes(content)
    worker = Worker(tmp_path, 0, "new")
    try:
        assert f"{ANSWERS} 1.0" in worker.page()
        (tmp_path / "metrics" / "counter_7.db").write_bytes(content)
        assert f"{ANSWERS} 1.0" in worker.page()
    finally:
        worker.kill()


def test_a_worker_that_there_is_not_any_more_is_gone_with_its_record(tmp_path: Path) -> None:
    worker = Worker(tmp_path, 0, "old")
    try:
        mark = start_mark(worker.process.pid)
        record = {"pid": worker.process.pid, "mark": f"not {mark}"}
        (tmp_path / "worker-0.json").write_text(json.dumps(record))
        assert f"{IN_FLIGHT} 1.0" not in worker.page()
    finally:
        worker.kill()


@pytest.fixture
def version(predictor: Predictor, bundles: list[Path]) -> Version:
    return deploy(predictor.workspace, bundles[0])


@in_event_loop
async def test_forecasts_are_counted_by_the_version_that_gave_them(
    predictor: Predictor, version: Version
) -> None:
    async with serving(predictor) as name:
        predictor.app.metrics.serving("timeseries", name, "SeasonalNaive", 5.0)
        await predictor.forecast({"input_data": VALUES})
        series = [{"series_id": str(number), "input_data": VALUES} for number in range(3)]
        await predictor.ask("POST", "/forecast", json={"series": series})
        page = (await predictor.ask("GET", "/metrics")).text

    assert f'mlops_predictor_forecasts_total{{model_name="{version.id}"}} 4.0' in page
    assert 'mlops_predictor_batch_size_bucket{le="1.0"} 1.0' in page
    assert "mlops_predictor_batch_size_sum 4.0" in page
    labels = f'data_type="timeseries",model_name="{version.id}",model_type="SeasonalNaive"'
    assert f"mlops_predictor_model_workers{{{labels}}} 1.0" in page
    assert f"mlops_predictor_model_loaded_timestamp_seconds{{{labels}}} 5.0" in page
    # The one who asks for them is answered at that moment.
    assert "mlops_predictor_requests_in_flight 1.0" in page


@in_event_loop
async def test_a_version_that_answers_no_more_is_not_told_of(predictor: Predictor) -> None:
    predictor.app.metrics.serving("timeseries", "old", "LSTM", 5.0)
    predictor.app.metrics.serving("timeseries", "new", "LSTM", 6.0)
    page = (await predictor.ask("GET", "/metrics")).text

    assert 'model_name="new"' in page
    assert 'model_name="old"' not in page


@in_event_loop
async def test_refusals_are_counted_by_their_reason(predictor: Predictor) -> None:
    await predictor.forecast({"input_data": VALUES})
    await predictor.forecast({"input_data": ["1"]})
    await predictor.ask("GET", "/nothing")
    await predictor.ask("GET", "/models", headers={"host": "evil.example"})
    await predictor.send(b"x" * 70_000)
    page = (await predictor.ask("GET", "/metrics")).text

    for reason in ("no_model", "invalid", "unknown", "wrong_host", "too_large"):
        assert f'mlops_predictor_refusals_total{{reason="{reason}"}} 1.0' in page, reason


@in_event_loop
async def test_pictures_are_counted(predictor: Predictor, picture_bundles: list[Path]) -> None:
    deploy_pictures(predictor.workspace, picture_bundles[0])
    async with classifying(predictor) as name:
        picture = png(colour_picture("red"))
        await predictor.predict_image(picture)
        await predictor.classify(picture, b"no picture")
        page = (await predictor.ask("GET", "/metrics")).text

    assert f'mlops_predictor_pictures_total{{model_name="{name}"}} 2.0' in page
