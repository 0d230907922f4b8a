from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.daemon.views import run_info
from engine.errors import ConfigError
from engine.run_filter import FIELDS, FilterError, RunFilter, parse_filter
from engine.schema import RunInfo
from engine.states import ALL_STATES
from engine.tables.engine_database import EngineDatabase
from engine.tables.run_record import NewRun, record_of
from engine.tables.runs import RunTable
from tests.unit.client.messages import run_info as make_run

NOW = 10_000.0
MIB = 2**20

RUN = make_run(
    id="5d0c1a52-0000",
    flow="train_flow",
    name="swift-otter",
    state="FAILED",
    message='ledger.csv:7: no "date"',
    created=NOW - 3600.0,
    started=NOW - 3000.0,
    ended=NOW - 2905.0,
    parameters={"model_type": "LSTM"},
    priority=-3,
    origin="ada, command line",
    key="nightly 7",
    tags=("blue", "v1.2"),
    cpu_seconds=61.5,
    memory=300 * MIB,
)
WAITS = make_run(
    state="PENDING", name="calm-crow", started=None, cpu_seconds=None, memory=None, created=NOW
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "swift",
        "SwfT",
        "tf",
        "5d0",
        "lst",
        "csv7no",
        "swift train lstm",
        "ledger.csv",
        '"no "',
        "'\"date\"'",
        "state:failed",
        "state:F",
        "state:ended",
        "state=failed",
        "state:compl,fail",
        "flow:train",
        "flow=train_flow",
        "FLOW:Train",
        "model:lstm",
        "name:otter",
        "name='swift-otter'",
        "id:5d0c",
        "origin:command !origin:browser",
        "msg:date",
        "message:'no '",
        "key:nightly",
        "key='nightly 7'",
        "tag:blue",
        "tag:BLUE tag:v1.2",
        "prio<0",
        "priority=-3",
        "priority:-3",
        "dur>60",
        "dur:>60",
        "dur>=95 dur<=95",
        "dur=95s dur:95",
        "dur=1m",
        "dur>1.5m dur<1.6m",
        "dur<2h",
        "age=1h",
        "age<2d",
        "age>59m",
        "cpu>1m",
        "cpu=61.5",
        "mem=300",
        "mem>=300m mem<301MiB",
        "mem>0.2g",
        "!state:completed",
        "-tag:red",
        "!swyft",
        '!"tfl ow"',
        "flow:''",
    ],
)
def test_a_run_fits(text: str) -> None:
    assert parse_filter(text).matches(RUN, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "swyft",
        "otterswift",
        "ada",
        '"swft"',
        '"swift train"',
        "swift crow",
        "state:running",
        "state:open",
        "flow:eval",
        "flow=train",
        "name=swift",
        "id:0c1a",
        "tag:blu",
        "tag:v1",
        "tag:v1_2",
        "name:swift%",
        "name:swift_otter",
        "prio>-3",
        "dur>95",
        "dur<95",
        "dur=94",
        "dur=2m",
        "age<1h",
        "age=0.9h",
        "cpu=62",
        "mem>300",
        "mem=299",
        "!swift",
        "-state:failed",
        "state:failed !tag:blue",
    ],
)
def test_a_run_does_not_fit(text: str) -> None:
    assert not parse_filter(text).matches(RUN, NOW)


def test_what_a_run_does_not_have_fits_no_comparison_and_every_negation() -> None:
    for text in ("dur>=0", "dur<1d", "cpu<1", "mem<1", "tag:x", "model:x", "key:x"):
        assert not parse_filter(text).matches(WAITS, NOW)
        assert parse_filter(f"!{text}").matches(WAITS, NOW)


def test_the_duration_of_a_run_that_goes_on_grows() -> None:
    running = make_run(state="RUNNING", started=NOW - 10.0)

    assert parse_filter("dur=10").matches(running, NOW)
    assert parse_filter("dur=15").matches(running, NOW + 5.0)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("stat:failed", 0, "there is no field 'stat'; did you mean \"state\"?"),
        ("swift !foo:bar", 7, "Fields are state, tag, flow"),
        ("state:faild", 6, "there is no state 'faild'; did you mean \"failed\"?"),
        ("state:failed,", 6, "States are pending"),
        ("state=fail", 6, 'did you mean "failed"?'),
        ("state>failed", 0, "state is no number and cannot be compared by >. Write state:"),
        ("name<=x", 0, "compare one of priority, dur, age, cpu, mem"),
        ("dur>soon", 4, "'soon' is no value of dur. Write seconds, or 90s 5m 2h 1d"),
        ("dur>5x", 4, "'5x' is no value of dur"),
        ("dur>5b", 4, "'5b' is no value of dur"),
        ("mem>5s", 4, "'5s' is no value of mem. Write MiB"),
        ("prio>5m", 5, "'5m' is no value of priority"),
        ("dur>1e9", 4, "is no value"),
        ("dur>²", 4, "is no value"),
        ("dur>inf", 4, "is no value"),
        ("a dur>", 6, "dur> is not followed by anything. Write a value right behind it"),
        ("name:", 5, "name: is not followed by anything"),
        ("name: x", 5, "name: is not followed by anything"),
        ("a !", 3, "! is not followed by anything. Quote it: '!'"),
        ("- a", 1, "- is not followed by anything"),
        ('a "b c', 2, 'this quote is not closed. Add another "'),
        ("name:'b c", 5, "this quote is not closed. Add another '"),
        ("tag:'a b'", 5, "'a b' cannot be a tag. Use 1 to 50 letters"),
        ("a\0b", 1, "NUL"),
        ("x" * 501, 500, "longer than 500 characters"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(
    text: str, position: int, says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_filter(text)

    error = caught.value
    assert isinstance(error, FilterError)
    assert (error.kind, error.position) == ("ConfigError", position)
    assert str(error).startswith(f"filter, character {position + 1}: ")
    assert says in str(error)


def test_a_filter_keeps_its_text_and_is_a_value() -> None:
    assert parse_filter("a !b") == parse_filter("a !b")
    assert parse_filter("a !b").text == "a !b"
    assert parse_filter("") == RunFilter()
    assert parse_filter("\udcff").text == r"\udcff"


def test_every_field_can_be_asked_for() -> None:
    for field in FIELDS:
        value = {"state": "open", "tag": "x"}.get(field, "1")
        assert len(parse_filter(f"{field}:{value}").terms) == 1


# Few letters, so that filters fit now and then: among them those that SQL or the language would
# take for something else, and one whose upper and lower case SQLite does not know.
LETTERS = st.sampled_from(["aA", "a_", "a%", "a\\", "aéÉ", "a '", 'a"', "a-!:", "한b"])
TEXT = LETTERS.flatmap(lambda letters: st.text(alphabet=letters, max_size=3))
TAG = st.text(alphabet="aA_", min_size=1, max_size=2)
SECONDS = st.sampled_from([0.0, 0.5, 1.0, 59.9, 60.0, 61.0, 3600.0, 86400.0, NOW])


@dataclass(frozen=True)
class Row:
    """What a filter can see of a run."""

    flow: str
    name: str
    state: str
    message: str
    model: str
    origin: str
    key: str | None
    tags: tuple[str, ...]
    created: float
    started: float | None
    ended: float | None
    priority: int
    cpu_seconds: float | None
    peak_bytes: int | None


ROWS = st.builds(
    Row,
    flow=TEXT,
    name=TEXT,
    state=st.sampled_from(ALL_STATES),
    message=TEXT,
    model=TEXT,
    origin=TEXT,
    key=st.none() | TEXT,
    tags=st.lists(TAG, max_size=3).map(tuple),
    created=SECONDS,
    started=st.none() | SECONDS,
    ended=st.none() | SECONDS,
    priority=st.integers(-2, 2),
    cpu_seconds=st.none() | SECONDS,
    peak_bytes=st.none() | st.sampled_from([0, 1023, 1024, MIB - 1, MIB, 3 * MIB]),
)


def quoted(text: str) -> str:
    """The text as a value; one that has both kinds of quotes loses one."""
    return f'"{text}"' if '"' not in text else "'{}'".format(text.replace("'", ""))


VALUES = TEXT.map(quoted)
FIELD_OF_TEXT = st.sampled_from(["flow", "model", "name", "id", "origin", "message", "key"])
TERMS = st.one_of(
    st.text(alphabet="aA%_\\é한", min_size=1, max_size=2),
    VALUES,
    st.builds("{}{}{}".format, FIELD_OF_TEXT, st.sampled_from(":="), VALUES),
    st.builds("state:{}".format, st.sampled_from(["open", "ended", "c", "fail,run", "cancelled"])),
    st.builds("tag:{}".format, TAG),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["dur", "age", "cpu"]),
        st.sampled_from([">", ">=", "<", "<=", "=", ":"]),
        st.sampled_from(["0", "1", "0.5", "60", "1m", "1.0m", "1h", "1d"]),
    ),
    st.builds(
        "{}{}{}".format,
        st.just("mem"),
        st.sampled_from([">", ">=", "<", "<=", "="]),
        st.sampled_from(["0", "1k", "1", "1mib", "3m"]),
    ),
    st.builds("priority{}{}".format, st.sampled_from([">", "<=", "="]), st.integers(-2, 2)),
)
FILTERS = st.lists(
    st.builds("{}{}".format, st.sampled_from(["", "", "!", "-"]), TERMS), min_size=1, max_size=2
).map(" ".join)


IDS = ("aa", "a%b", "b_a", "a_", "b\\", "A-")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The table as it is, with rows to be changed at will."""
    path: Path = tmp_path_factory.mktemp("filter") / "engine.db"
    table = RunTable(path)
    for run_id in IDS:
        table.accept(NewRun(run_id, "data_flow", "name", ""))
    with EngineDatabase(path).transaction() as changed:
        changed.execute("DROP INDEX runs_launch_key")  # keys may come twice here
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def put(database: sqlite3.Connection, run_id: str, row: Row) -> None:
    columns: dict[str, Any] = dict(vars(row))
    model, columns["launch_key"] = columns.pop("model"), columns.pop("key")
    columns["tags"] = f" {' '.join(row.tags)} " if row.tags else ""
    names = ", ".join(f"{name} = ?" for name in columns)
    database.execute(
        f"UPDATE runs SET {names}, parameters = json_object('model_type', ?) WHERE id = ?",
        [*columns.values(), model, run_id],
    )


PLAIN = Row("", "", "FAILED", "", "", "", None, (), 0.0, None, None, 0, None, None)
CASES = tuple(replace(PLAIN, name=name) for name in ("é", "É", "a", "A", "_", "%"))


@given(rows=st.tuples(*[ROWS] * len(IDS)), text=FILTERS)
@example(rows=CASES, text="name:é")
@example(rows=CASES, text="name=a")
@hypothesis_settings(max_examples=120, deadline=None)
def test_the_table_and_the_message_agree_on_which_runs_fit(
    database: sqlite3.Connection, rows: tuple[Row, ...], text: str
) -> None:
    with database:
        for run_id, row in zip(IDS, rows, strict=True):
            put(database, run_id, row)
    wanted = parse_filter(text)
    condition, values = wanted.where(NOW)

    chosen = database.execute(f"SELECT * FROM runs WHERE {condition}", values).fetchall()
    records = [record_of(row) for row in database.execute("SELECT * FROM runs")]
    messages: list[RunInfo] = [run_info(record) for record in records]

    by_table = {row["id"] for row in chosen}
    assert {run.id for run in records if wanted.matches(run, NOW)} == by_table
    assert {run.id for run in messages if wanted.matches(run, NOW)} == by_table
