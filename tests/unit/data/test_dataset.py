from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.config.series_settings import DatasetSettings, SplitSettings
from engine.data.catalogue import list_datasets
from engine.data.dataset import Dataset, open_dataset, write_dataset
from engine.data.rules import CleanData
from engine.errors import DataError, NotFoundError, StorageError
from tests.unit.data.ledgers import ledger, settings_for

LEDGER = {"nut": [10, 20, 30, 40, 50, 60, 70], "bolt": [None, 2, 3, 4, 5, 6, 7]}

Prepare = Callable[..., CleanData]


def write(clean: CleanData, folder: Path, settings: DatasetSettings | None = None) -> Dataset:
    return write_dataset(
        clean.frame,
        report=clean.report,
        settings=settings or settings_for(),
        datasets_dir=folder / "datasets",
    )


@pytest.fixture
def dataset(prepare: Prepare, tmp_path: Path) -> Dataset:
    return write(prepare(ledger(LEDGER)), tmp_path)


def test_what_was_written_is_what_is_opened(dataset: Dataset) -> None:
    panel = dataset.panel()

    assert panel.ids == dataset.ids == ("bolt", "nut")
    assert panel.start == dt.date(2024, 1, 1)
    np.testing.assert_array_equal(
        panel.values, [[np.nan, 2, 3, 4, 5, 6, 7], [10, 20, 30, 40, 50, 60, 70]]
    )
    split = dataset.split
    assert (split.train_days, split.validation_days, split.test_days) == (5, 1, 1)
    assert dataset.day(split.train_days) == dt.date(2024, 1, 6)
    assert dataset.name == "demo"
    assert dataset.report["rows_read"] == 13


def test_the_manifest_tells_where_the_data_come_from_and_how_they_are_split(
    dataset: Dataset,
) -> None:
    manifest = json.loads((dataset.folder / "manifest.json").read_text())

    assert manifest["hash"][:16] == manifest["id"] == dataset.id == dataset.folder.name
    assert (manifest["train_end"], manifest["validation_end"]) == ("2024-01-05", "2024-01-06")
    assert manifest["source"]["name"] == "ledger.csv"
    assert len(manifest["source"]["sha256"]) == 64


def test_a_window_holds_the_last_values_and_their_day(dataset: Dataset) -> None:
    window = dataset.series_window("bolt", 3)

    assert window.values.tolist() == [5, 6, 7]
    assert window.last_day == dt.date(2024, 1, 7)


def test_a_window_that_is_longer_than_the_series_is_refused(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="series 'bolt' has 6 days, fewer than the 7"):
        dataset.series_window("bolt", 7)


def test_names_are_suggested(dataset: Dataset) -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'bolt'"):
        dataset.series_window("bold", 3)
    with pytest.raises(NotFoundError, match=f"Did you mean '{dataset.id}'"):
        open_dataset(dataset.folder.parent, dataset.id[:-1])


@pytest.mark.parametrize("name", ["../datasets", "", ".", "x" * 300, "latest"])
def test_only_names_in_the_folder_are_opened(dataset: Dataset, name: str) -> None:
    with pytest.raises(NotFoundError):
        open_dataset(dataset.folder.parent, name)


def test_nothing_is_there_before_the_first_data_flow(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="Run data_flow first"):
        open_dataset(tmp_path / "datasets", "0" * 16)


def test_the_same_content_is_written_once_whatever_the_order_of_its_rows(
    dataset: Dataset, prepare: Prepare, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in dataset.folder.iterdir()}
    shuffled = {name: LEDGER[name] for name in sorted(LEDGER)}

    again = write(prepare(ledger(shuffled)), tmp_path)

    assert again.id == dataset.id
    assert {path: path.stat().st_mtime_ns for path in dataset.folder.iterdir()} == before
    assert list_datasets(dataset.folder.parent) == [dataset.id]


def test_other_values_and_another_split_have_other_ids(
    dataset: Dataset, prepare: Prepare, tmp_path: Path
) -> None:
    other_value = write(prepare(ledger(LEDGER | {"bolt": [None, 2, 3, 4, 5, 6, 8]})), tmp_path)
    split = {"split": SplitSettings(validation_days=1, test_days=2)}
    longer = LEDGER | {"bolt": [1, 2, 3, 4, 5, 6, 7]}
    one = write(prepare(ledger(longer)), tmp_path)
    two = write(prepare(ledger(longer), split), tmp_path, settings_for(**split))

    assert len({dataset.id, other_value.id, one.id, two.id}) == 4


def test_covariates_are_laid_out_like_the_values(prepare: Prepare, tmp_path: Path) -> None:
    more = {"covariate_cols": ("price",)}
    rows = {"bolt": [f"{day},{day / 2}" for day in range(6)]}
    clean = prepare(ledger(rows, header="date,product,stock,price"), more)

    dataset = write(clean, tmp_path, settings_for(**more))

    assert dataset.covariates == ("price",)
    assert dataset.covariate("price").tolist() == [[0, 0.5, 1, 1.5, 2, 2.5]]
    with pytest.raises(NotFoundError, match="Did you mean 'price'"):
        dataset.covariate("prize")


def flip_a_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("series.parquet", flip_a_bit),
        ("series.parquet", cut_in_half),
        ("series.parquet", Path.unlink),
        ("report.json", flip_a_bit),
        ("report.json", Path.unlink),
        ("manifest.json", cut_in_half),
        ("manifest.json", Path.unlink),
    ],
)
def test_a_file_that_changed_on_disk_is_refused(
    dataset: Dataset, name: str, damage: Callable[[Path], object]
) -> None:
    damage(dataset.folder / name)

    with pytest.raises(DataError, match="on disk since the data flow wrote it") as caught:
        open_dataset(dataset.folder.parent, dataset.id)
    assert str(dataset.folder / name) in str(caught.value)
    assert "run data_flow again" in str(caught.value)


def test_a_damaged_data_set_is_not_silently_reused(
    dataset: Dataset, prepare: Prepare, tmp_path: Path
) -> None:
    flip_a_bit(dataset.folder / "series.parquet")

    with pytest.raises(DataError, match="Remove the folder"):
        write(prepare(ledger(LEDGER)), tmp_path)


def test_a_file_that_cannot_be_read_is_a_matter_of_storage(dataset: Dataset) -> None:
    (dataset.folder / "manifest.json").unlink()
    (dataset.folder / "manifest.json").mkdir()

    with pytest.raises(StorageError, match="cannot be read"):
        open_dataset(dataset.folder.parent, dataset.id)


def test_moved_borders_are_noticed(dataset: Dataset) -> None:
    path = dataset.folder / "manifest.json"
    path.write_text(path.read_text().replace('"test_days": 1', '"test_days": 0'))

    with pytest.raises(DataError, match="changed on disk"):
        open_dataset(dataset.folder.parent, dataset.id)


def test_replaced_values_are_noticed_even_with_a_manifest_that_fits(dataset: Dataset) -> None:
    path = dataset.folder / "series.parquet"
    old = path.read_bytes()
    table = pq.read_table(path)
    pq.write_table(table.set_column(2, "y", [[0.0] * len(table)]), path)
    manifest = dataset.folder / "manifest.json"
    digests = [hashlib.sha256(raw).hexdigest() for raw in (old, path.read_bytes())]
    manifest.write_text(manifest.read_text().replace(*digests))

    with pytest.raises(DataError, match="changed on disk"):
        open_dataset(dataset.folder.parent, dataset.id).panel()


def test_a_full_disk_leaves_nothing_behind(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq, "write_table", refuse)

    with pytest.raises(StorageError, match=r"datasets/[0-9a-f]{16}: .* bytes\): No space left"):
        write(prepare(ledger(LEDGER)), tmp_path)

    assert list((tmp_path / "datasets").iterdir()) == []


def test_temporary_folders_of_a_crash_are_no_data_sets(dataset: Dataset) -> None:
    (dataset.folder.parent / ".tmp-abc").mkdir()

    assert list_datasets(dataset.folder.parent) == [dataset.id]


def test_a_data_set_is_read_without_the_modules_that_are_slow_to_import(dataset: Dataset) -> None:
    program = (
        "import sys; from pathlib import Path; from engine.data.dataset import open_dataset\n"
        f"found = open_dataset(Path({str(dataset.folder.parent)!r}), {dataset.id!r})\n"
        "found.series_window('bolt', 3), found.panel()\n"
        "print(sorted({'pandas', 'torch', 'sqlalchemy', 'prefect', 'pydantic'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")
