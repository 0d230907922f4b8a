from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand

ROWS = "ds,unique_id,y\n2026-01-05,a,3\n2026-01-05,b,4.5\n2026-01-06,a,0\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(ROWS)
    return path


def test_a_file_is_added_listed_and_shown(command: EngineCommand, file: Path) -> None:
    assert "no actual values yet" in command("actuals", "list").out
    assert command("actuals", "add", file).out == "3 values added\n"
    file.write_text(ROWS.replace("a,3", "a,7"))
    again = command("actuals", "add", file)
    assert again.out == "0 values added; 1 replaced an earlier one; 2 were known already\n"
    assert command("actuals", "show", "a").out == "2026-01-05  7\n2026-01-06  0\n"
    listed = command("actuals", "list", "--json").json
    assert listed["series"][0] == {
        "series": "a",
        "values": 2,
        "first": "2026-01-05",
        "last": "2026-01-06",
    }
    assert "2026-01-06" in command("actuals", "list").out


def test_a_pipe_and_a_single_value_work_too(command: EngineCommand) -> None:
    assert command("actuals", "add", "--stdin", "--json", stdin=ROWS).json == {
        "new": 3,
        "replaced": 0,
        "same": 0,
    }
    single = ("actuals", "add", "--series", "a", "--date", "2026-01-07", "--value", "5")
    assert command(*single).code == 0
    assert command("actuals", "show", "a", "-n", "1", "--json").json == [
        {"date": "2026-01-07", "value": 5.0}
    ]


def test_the_columns_are_those_of_the_settings(
    command: EngineCommand, tmp_path: Path, workspace: Workspace
) -> None:
    path = tmp_path / "till.csv"
    path.write_text("day;item;sold\n05.01.2026;a;3,5\n06.01.2026;a;1\n")
    assert command("actuals", "add", path).code == 3
    columns = ["date_col=day", "series_col=item", "target_col=sold"]
    style = ['decimal=","', 'date_format="%d.%m.%Y"']
    given = [part for one in [*columns, *style] for part in ("--set", f"dataset.{one}")]
    assert command("actuals", "add", path, *given).code == 0
    assert command("actuals", "show", "a").out.startswith("2026-01-05  3.5\n")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("ds,unique_id,y\n2026-01-05,a,3\n2026-01-06,a,x\n", "row 3"),
        ("ds,unique_id,y\n2026-01-05,a,\n", "1 value is missing: row 2"),
        ("ds,unique_id,y\n2026-01-05,a,3\n2126-01-06,a,4\n", "row 3"),
        ("ds,unique_id,y\n2026-13-05,a,3\n", "row 2"),
        ("ds,unique_id,y\n", "there is a header, but no row"),
        ("day,unique_id,y\n2026-01-05,a,3\n", "ds"),
        ("", "empty"),
    ],
)
def test_rows_that_are_no_values_are_told_by_number_and_nothing_is_added(
    command: EngineCommand, file: Path, rows: str, said: str
) -> None:
    file.write_text(rows)
    answer = command("actuals", "add", file)
    assert answer.code == 3 and said in answer.err
    assert command("actuals", "list", "--json").json["series"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--series", "a"),
        ("--series", "a", "--date", "2026-01-05"),
        ("--stdin", "--series", "a"),
        ("--label", "cat"),
        ("nowhere.csv", "--stdin"),
    ],
)
def test_what_is_meant_must_be_clear(command: EngineCommand, arguments: tuple[str, ...]) -> None:
    assert command("actuals", "add", *arguments).code == 2


def test_a_single_value_must_be_possible(command: EngineCommand) -> None:
    base = ("actuals", "add", "--series", "a", "--value")
    assert command(*base, "nan", "--date", "2026-01-05").code == 3
    assert command(*base, "1", "--date", "2200-01-05").code == 3
    assert command("actuals", "show", "a").code == 5
    assert command("actuals", "add", "nowhere.csv").code == 5


def test_what_pictures_show_is_told_by_file_or_list(command: EngineCommand, tmp_path: Path) -> None:
    picture = tmp_path / "one.png"
    picture.write_bytes(b"not looked into")
    sha256 = hashlib.sha256(b"not looked into").hexdigest()
    assert command("actuals", "add", "--image", picture, "--label", "cat").out == "1 label added\n"
    labels = tmp_path / "labels.csv"
    labels.write_text("path,label\none.png,cat\n")
    assert "1 was known already" in command("actuals", "add", "--labels", labels).out
    labels.write_text(f"sha256,label\n{sha256},dog\n{'0' * 64},cat\n")
    assert command("actuals", "add", "--labels", labels, "--json").json["replaced"] == 1
    assert command("actuals", "list", "--json").json["pictures"] == 2
    for broken, code in (
        ("sha256,label\nxyz,dog\n", 3),
        ("path,label\ngone.png,dog\n", 5),
        ("path,label\none.png,\n", 3),
        ("name\none.png\n", 3),
    ):
        labels.write_text(broken)
        answer = command("actuals", "add", "--labels", labels)
        assert answer.code == code and "labels.csv:" in answer.err
