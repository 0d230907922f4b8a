from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.config.series_settings import DatasetRules
from engine.data import csv_scan
from engine.data.csv_source import load_csv
from engine.data.rows import LoadedRows
from engine.data.sources import load_rows
from engine.errors import DataError, NotFoundError
from tests.unit.data.ledgers import ledger, settings_for

Load = Callable[..., LoadedRows]
Complaint = Callable[..., str]

TWO_DAYS = "date,product,stock\n2024-01-01,볼트,5\n2024-01-02,볼트,-7.5\n"


@pytest.mark.parametrize(
    ("codec", "setting", "note"),
    [
        ("utf-8", "auto", "encoding: UTF-8"),
        ("utf-8-sig", "auto", "encoding: UTF-8 with byte order mark"),
        ("utf-8-sig", "utf-8", "encoding: UTF-8 with byte order mark"),
        ("cp949", "auto", "encoding: CP949"),
        ("cp949", "euc-kr", "encoding: euc-kr"),
        ("utf-16", "utf-16", "encoding: utf-16"),
    ],
)
def test_text_is_read_in_any_encoding_and_the_notes_say_which(
    load: Load, codec: str, setting: str, note: str
) -> None:
    loaded = load(TWO_DAYS.encode(codec), encoding=setting)

    assert loaded.frame["unique_id"].tolist() == ["볼트", "볼트"]
    assert loaded.frame["y"].tolist() == [5.0, -7.5]
    assert loaded.frame["row"].tolist() == [2, 3]
    assert loaded.notes == (note, "delimiter: comma")


def test_the_wrong_codec_is_named_with_the_line(complaint: Complaint) -> None:
    text = complaint(TWO_DAYS.encode("cp949"), encoding="utf-8")

    assert text.startswith("ledger.csv:2: the text is not utf-8 (bytes ")


@pytest.mark.parametrize(
    ("mark", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
def test_the_delimiter_is_found(load: Load, mark: str, name: str) -> None:
    loaded = load(TWO_DAYS.replace(",", mark))

    assert loaded.frame["y"].tolist() == [5.0, -7.5]
    assert f"delimiter: {name}" in loaded.notes


def test_a_delimiter_that_yields_the_needed_columns_beats_one_that_yields_more(load: Load) -> None:
    text = "date;product;stock;note, in, many, words\n2024-01-01;bolt;5;a, b, c, d\n"

    assert load(text).frame["y"].tolist() == [5.0]


def test_another_delimiter_can_be_set(load: Load) -> None:
    assert load(TWO_DAYS.replace(",", "~"), delimiter="~").rows_read == 2


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "value"),
    [
        ("+5", ".", None, 5.0),
        (" 5. ", ".", None, 5.0),
        (".5e1", ".", None, 5.0),
        ("1,234,567.5", ".", ",", 1_234_567.5),
        ("1.234.567,5", ",", ".", 1_234_567.5),
        ("-1 234", ".", " ", -1234.0),
        ("1'234", ".", "'", 1234.0),
        ("1234,5", ",", None, 1234.5),
        ("12345", ".", ",", 12345.0),
    ],
)
def test_numbers_are_read_in_the_style_of_the_settings(
    load: Load, text: str, decimal: str, thousands: str | None, value: float
) -> None:
    content = f"date|product|stock\n2024-01-01|bolt|{text}\n"

    frame = load(content, decimal=decimal, thousands=thousands).frame

    assert frame["y"].tolist() == [value]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('"1,23"', 'Set dataset.decimal: "," and dataset.thousands: null'),
        ('"12,34,567"', "leave the cell empty"),
        ("1 234", 'Set dataset.thousands: " "'),
        ("1.234.567", 'Set dataset.thousands: "." and dataset.decimal: ","'),
    ],
)
def test_a_number_in_another_style_is_never_guessed(
    complaint: Complaint, text: str, advice: str
) -> None:
    content = f"date,product,stock\n2024-01-01,bolt,{text}\n"

    message = complaint(content, thousands=",")

    assert "row 2 " in message
    assert advice in message


def test_blank_lines_and_crlf_do_not_shift_line_numbers(load: Load) -> None:
    content = b"\r\ndate,product,stock\r\n\r\n2024-01-01,bolt,5\r\n\r\n\r\n2024-01-02,bolt,6"

    assert load(content).frame["row"].tolist() == [4, 7]


CELL = st.text(alphabet='ab ,"\n', max_size=6)


@given(
    rows=st.lists(st.tuples(CELL, st.integers(-5, 99)), min_size=1, max_size=12),
    blanks=st.lists(st.integers(0, 12), max_size=4),
    line_end=st.sampled_from(["\n", "\r\n"]),
    chunk=st.integers(1, 40),
    has_final_line_end=st.booleans(),
)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_row_keeps_the_number_of_its_line(
    tmp_path: Path,
    rows: list[tuple[str, int]],
    blanks: list[int],
    line_end: str,
    chunk: int,
    has_final_line_end: bool,
) -> None:
    text = "date,stock,note\n"
    expected = []
    for at, (note, value) in enumerate(rows):
        text += "\n" * blanks.count(at)
        expected.append(text.count("\n") + 1)
        cells = io.StringIO()
        csv.writer(cells, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(
            ["2024-01-01", value, note]
        )
        text += cells.getvalue()
    text = text.replace("\n", line_end)
    path = tmp_path / "ledger.csv"
    path.write_bytes(text.encode() if has_final_line_end else text.encode().rstrip(b"\r\n"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "CHUNK_BYTES", chunk)
        frame = load_rows(settings_for(series_col=None), root=tmp_path).frame

    assert frame["row"].tolist() == expected
    assert frame["y"].tolist() == [value for _, value in rows]


def test_faults_are_listed_up_to_the_limit_and_counted_beyond(complaint: Complaint) -> None:
    content = ledger({"bolt": ["x"] * 25})

    message = complaint(content, rules=DatasetRules(max_errors_listed=2))

    assert "25 values are text, not numbers: row 2 'x'; row 3 'x'; and 23 more." in message


def test_a_long_text_in_a_message_is_cut(complaint: Complaint) -> None:
    assert len(complaint(ledger({"bolt": ["x" * 5_000]}))) < 300


def test_a_line_of_megabytes_is_refused(complaint: Complaint) -> None:
    content = ledger({"bolt": [1, 2]}) + "x" * (csv_scan.MAX_LINE_BYTES + 1)

    assert complaint(content).startswith("ledger.csv:4: the line is longer than 1 MB")


def test_too_many_rows_are_refused_before_they_are_read(complaint: Complaint) -> None:
    message = complaint(ledger({"bolt": [1, 2, 3, "no number"]}), max_rows=3)

    assert message == (
        "ledger.csv: there are more than 3 rows. Read less, or raise dataset.max_rows"
    )


def test_columns_that_nobody_needs_may_hold_anything(load: Load) -> None:
    content = "junk,date,product,stock,junk\n?,2024-01-01,bolt,5,\n"

    assert load(content).frame["y"].tolist() == [5.0]


def test_a_ledger_of_one_product_is_named_by_the_settings(load: Load) -> None:
    content = "TransactionDate,Input,Output,Stock\n2020-12-11,0,3,-11358.0\n"

    frame = load(
        content,
        ds_name="warehouse",
        date_col="TransactionDate",
        target_col="Stock",
        series_col=None,
        covariate_cols=("Input",),
    ).frame

    assert frame["unique_id"].tolist() == ["warehouse"]
    assert frame["y"].tolist() == [-11358.0]
    assert frame["Input"].tolist() == [0.0]


def test_each_target_of_a_wide_file_is_a_series(load: Load) -> None:
    content = "date,bolt,nut,price\n2024-01-01,1,10,0.5\n2024-01-02,2,20,0.6\n"

    frame = load(
        content, target_col=("bolt", "nut"), series_col=None, covariate_cols=("price",)
    ).frame

    assert frame["unique_id"].tolist() == ["bolt", "bolt", "nut", "nut"]
    assert frame["y"].tolist() == [1.0, 2.0, 10.0, 20.0]
    assert frame["row"].tolist() == [2, 3, 2, 3]
    assert frame["price"].tolist() == [0.5, 0.6, 0.5, 0.6]


def test_a_covariate_may_not_take_a_name_of_the_long_frame(complaint: Complaint) -> None:
    message = complaint("date,product,stock,y\n", covariate_cols=("y",))

    assert message.startswith("dataset.covariate_cols: the covariate 'y'")


def test_names_that_differ_only_by_case_or_blanks_are_pointed_out(load: Load) -> None:
    loaded = load(ledger({"Bolt": [1], "bolt ": [2]}))

    assert "series 'Bolt' and 'bolt ' differ only by case or blanks" in loaded.notes


def test_the_hash_is_of_the_bytes_of_the_file(load: Load) -> None:
    assert load(TWO_DAYS).sha256 == load(TWO_DAYS).sha256
    assert load(TWO_DAYS).sha256 != load(TWO_DAYS.replace("5", "6")).sha256


class _FileThatChanges(io.RawIOBase):
    """Other bytes from the second pass on."""

    def __init__(self, passes: list[bytes]) -> None:
        self._passes = passes
        self._now = io.BytesIO(passes[0])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self._now.tell() >= len(self._passes[0]) and len(self._passes) > 1:
            self._passes.pop(0)
        self._now = io.BytesIO(self._passes[0])
        return self._now.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        return self._now.readinto(buffer)


def test_a_file_that_changes_between_the_passes_is_refused() -> None:
    file = io.BufferedReader(
        _FileThatChanges([TWO_DAYS.encode(), TWO_DAYS.replace("-7.5", "-9.5").encode()])
    )

    with pytest.raises(DataError, match="changed while it was read"):
        load_csv(file, Path("ledger.csv"), settings_for(), "ledger.csv")


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "ledger.csv").touch()

    with pytest.raises(NotFoundError, match=r"leger\.csv: .* Did you mean 'ledger\.csv'\?"):
        load_rows(settings_for(file_path="leger.csv"), root=tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nor its folder"):
        load_rows(settings_for(ds_root="nowhere"), root=tmp_path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "ledger.csv").mkdir()

    with pytest.raises(DataError, match="not a file"):
        load_rows(settings_for(), root=tmp_path)
