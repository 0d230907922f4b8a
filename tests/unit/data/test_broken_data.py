from __future__ import annotations

from pathlib import Path

import pytest

from engine.data.sources import load_rows
from engine.errors import DataError
from tests.unit.data.ledgers import clean, settings_for

BROKEN = Path(__file__).parents[2] / "broken_data"
TABLE: dict[str, list[str]] = {
    "ambiguous_dates.csv": ["row 2 '01/02/2024'", '"%d/%m/%Y" or "%m/%d/%Y"'],
    "carriage_returns.csv": ["carriage_returns.csv:1: ", "LF or CRLF"],
    "day_number_of_a_spreadsheet.csv": ["row 2 '45292'", "day number of a spreadsheet"],
    "decimal_comma.csv": ["row 2 '3,5'", 'Set dataset.decimal: ","'],
    "duplicate_column.csv": [":1: ", "'stock' stands there 2 times (columns 3, 4)"],
    "duplicate_days.csv": [
        "row 5 series 'bolt' 2024-01-04; row 6 series 'bolt' 2024-01-04",
        "dataset.rules.duplicates: first | last | sum | mean",
    ],
    "empty.csv": ["the file is empty", "Add a header"],
    "empty_date.csv": ["'date': 1 date is empty: row 3"],
    "empty_series_name.csv": ["'product': 1 name of a series is empty: row 5", "series_col: null"],
    "escape_sequence.csv": [r"row 4 '\x1b[31mred\x1b[0m'"],
    "excel.csv": ["Excel workbook", "save it as CSV"],
    "formula.csv": ["row 5 '=SUM(C2:C4)'", "paste them as values"],
    "gap.csv": [
        "series 'bolt' 2024-01-05 to 2024-01-06 (2 days after row 5)",
        "dataset.rules.gaps: zero | forward | interpolate",
    ],
    "header_only.csv": ["there is a header, but no row"],
    "impossible_date.csv": ["not in the calendar: row 8 '2024-02-30'"],
    "infinite.csv": ["2 values are infinite or too large: row 3 'inf'; row 8 '1e999'"],
    "latin_1.csv": ["latin_1.csv:2: ", "neither UTF-8 nor CP949 (bytes e4)", "dataset.encoding"],
    "missing_column.csv": [":1: ", "'stock' (dataset.target_col)", "Did you mean 'Stok'?"],
    "missing_value.csv": [
        "row 4 series 'bolt' 2024-01-03; row 7 series 'bolt' 2024-01-06",
        "dataset.rules.missing: zero | forward | interpolate",
    ],
    "mixed_dates.csv": ["row 5 '04.01.2024'", "the others are like '2024-01-01'"],
    "no_delimiter.csv": [":1: ", "'date product stock'", "dataset.delimiter"],
    "no_header.csv": [":1: ", "The first line looks like data"],
    "not_parquet.parquet": ["does not begin like a Parquet file", "dataset.file_format: csv"],
    "nul_byte.csv": ["nul_byte.csv:4: the file holds a NUL byte"],
    "ragged.csv": ["as the header, 3: row 3 has 4; row 6 has 2"],
    "several_columns.csv": ["2 kinds of problems", "row 6 'many'", "row 4 '03/01/2024'"],
    "several_rules.csv": [
        "4 kinds of problems",
        "dataset.rules.duplicates",
        "dataset.rules.missing",
        "dataset.rules.short_series",
        "dataset.rules.gaps",
    ],
    "short_series.csv": [
        "series 'nut' has 3 days",
        "needs 6 days (window 3 + horizon 1 + validation 1 + test 1)",
        "dataset.rules.short_series: drop",
    ],
    "stray_quotes.csv": ["stray_quotes.csv:4: ", "quotation mark within a value"],
    "text_for_number.csv": ["2 values are text", "row 3 'sold out'; row 6 '12 pcs'"],
    "thousands.csv": ["row 4 '1,234'; row 5 '12,345.5'", 'Set dataset.thousands: ","'],
    "time_of_day.csv": ["row 3 '2024-01-02 14:30'", "add the rows of a day up"],
    "time_zone.csv": ["row 3 '2024-01-02T00:00:00+09:00'", "convert them to local days"],
    "truncated.parquet": ["cannot be read", "damaged or incomplete"],
    "unclosed_quote.csv": ["unclosed_quote.csv:4: a quotation mark opens a value"],
    "utf_16.csv": ["dataset.encoding: utf-16"],
    "year_in_the_far_future.csv": ["row 9 '2924-01-08'", "Correct the year"],
}


@pytest.mark.parametrize("name", TABLE)
def test_a_broken_file_is_refused_with_its_rows_and_a_way_out(name: str) -> None:
    settings = settings_for(file_path=name)

    with pytest.raises(DataError) as caught:
        clean(load_rows(settings, root=BROKEN), settings)

    text = str(caught.value)
    assert [part for part in TABLE[name] if part not in text] == [], text
    assert text.startswith(name)
    assert "\x1b" not in text


def test_the_table_has_every_broken_file() -> None:
    assert sorted(TABLE) == sorted(path.name for path in BROKEN.iterdir())
