from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import ConflictError, DeployRefusedError, NotFoundError, StorageError
from engine.store.aliases import AliasRegistry, AliasState
from models.data_types import IMAGE, TIMESERIES
from tests.unit.several_processes import at_once

NOBODY = AliasState(None, None)


@pytest.fixture
def aliases(tmp_path: Path) -> AliasRegistry:
    return AliasRegistry(tmp_path)


def moves(folder: Path) -> list[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(folder / "aliases.db")) as database:
        query = "SELECT action, champion, previous FROM moves ORDER BY id"
        return database.execute(query).fetchall()


def test_before_the_first_deploy_nobody_serves(aliases: AliasRegistry) -> None:
    assert aliases.read() == NOBODY


def test_the_champion_of_before_becomes_the_previous_one(aliases: AliasRegistry) -> None:
    assert aliases.promote("v1", expected=None) == AliasState("v1", None)
    assert aliases.promote("v2", expected="v1") == AliasState("v2", "v1")
    assert aliases.promote("v3", expected="v2") == AliasState("v3", "v2")
    assert aliases.read() == AliasState("v3", "v2")


@pytest.mark.parametrize("expected", [None, "v0", "v2"])
def test_a_champion_that_moved_since_the_decision_is_not_replaced(
    aliases: AliasRegistry, expected: str | None
) -> None:
    aliases.promote("v1", expected=None)

    with pytest.raises(
        DeployRefusedError, match=f"version v9: .*champion is now v1, not {expected}"
    ):
        aliases.promote("v9", expected=expected)

    assert aliases.read() == AliasState("v1", None)


def test_promoting_the_champion_again_keeps_the_previous_one(aliases: AliasRegistry) -> None:
    aliases.promote("v1", expected=None)
    aliases.promote("v2", expected="v1")

    assert aliases.promote("v2", expected="v2") == AliasState("v2", "v1")
    assert aliases.promote("v2", expected="v1") == AliasState("v2", "v1")


def test_rolling_back_twice_returns_to_where_it_began(aliases: AliasRegistry) -> None:
    aliases.promote("v1", expected=None)
    aliases.promote("v2", expected="v1")

    assert aliases.roll_back() == AliasState("v1", "v2")
    assert aliases.roll_back() == AliasState("v2", "v1")


@pytest.mark.parametrize("deployed", [[], ["v1"]])
def test_without_a_previous_version_there_is_nothing_to_roll_back_to(
    aliases: AliasRegistry, deployed: list[str]
) -> None:
    for version in deployed:
        aliases.promote(version, expected=None)
    before = aliases.read()

    with pytest.raises(NotFoundError, match="no previous version"):
        aliases.roll_back()

    assert aliases.read() == before


def test_a_withdrawn_version_leaves_the_state_of_before(aliases: AliasRegistry) -> None:
    aliases.promote("v1", expected=None)
    before = aliases.promote("v2", expected="v1")
    aliases.promote("v3", expected="v2")

    assert aliases.withdraw("v3", restored=before) == before
    assert aliases.read() == AliasState("v2", "v1")


def test_when_the_first_version_is_withdrawn_nobody_serves(aliases: AliasRegistry) -> None:
    aliases.promote("v1", expected=None)

    assert aliases.withdraw("v1", restored=NOBODY) == NOBODY
    assert aliases.read() == NOBODY


def test_a_version_that_serves_no_more_is_not_withdrawn_in_place_of_another(
    aliases: AliasRegistry,
) -> None:
    aliases.promote("v1", expected=None)
    aliases.promote("v2", expected="v1")

    assert aliases.withdraw("v1", restored=NOBODY) == AliasState("v2", "v1")
    assert aliases.read() == AliasState("v2", "v1")


def test_every_move_is_in_the_log_and_nothing_else(aliases: AliasRegistry, tmp_path: Path) -> None:
    aliases.promote("v1", expected=None)
    aliases.promote("v1", expected="v1")
    aliases.promote("v2", expected="v1")
    aliases.roll_back()
    with pytest.raises(DeployRefusedError):
        aliases.promote("v3", expected="v2")
    aliases.withdraw("v1", restored=NOBODY)

    assert moves(tmp_path) == [
        ("promote", "v1", None),
        ("promote", "v2", "v1"),
        ("roll back", "v1", "v2"),
        ("withdraw", "", None),
    ]


def test_each_data_type_has_aliases_of_its_own(aliases: AliasRegistry, tmp_path: Path) -> None:
    of_images = AliasRegistry(tmp_path, IMAGE)
    aliases.promote("v1", expected=None)
    of_images.promote("p1", expected=None)
    of_images.promote("p2", expected="p1")
    of_images.roll_back()

    assert aliases.read() == AliasState("v1", None)
    assert of_images.read() == AliasState("p1", "p2")
    assert aliases.of_all() == {TIMESERIES: AliasState("v1", None), IMAGE: AliasState("p1", "p2")}
    told = [(move.data_type, move.action) for move in aliases.history()]
    assert told == [(IMAGE, "roll back"), *[(IMAGE, "promote")] * 2, (TIMESERIES, "promote")]


@pytest.mark.parametrize("version", ["v1", "p1", "p2"])
def test_what_an_alias_of_any_data_type_names_is_held(
    aliases: AliasRegistry, tmp_path: Path, version: str
) -> None:
    aliases.promote("v1", expected=None)
    AliasRegistry(tmp_path, IMAGE).promote("p1", expected=None)
    AliasRegistry(tmp_path, IMAGE).promote("p2", expected="p1")

    message = f"version {version}: it is the (champion|previous)"
    with pytest.raises(ConflictError, match=message), aliases.held_away_from(version):
        pytest.fail("it was let go")


def test_the_log_tells_who_moved_them_and_why_the_newest_first(aliases: AliasRegistry) -> None:
    aliases.promote("v1", expected=None, who="kim, command line", reason="forced: bias known")
    aliases.promote("v2", expected="v1")
    aliases.roll_back(reason="sells too little\ud800")

    back, second, first = aliases.history()

    assert (first.who, first.action, first.reason) == (
        "kim, command line",
        "promote",
        "forced: bias known",
    )
    assert (first.champion, first.previous, second.reason) == ("v1", None, "")
    assert (back.action, back.champion, back.reason) == (
        "roll back",
        "v1",
        "sells too little\\ud800",
    )
    assert second.at <= back.at
    assert len(aliases.history(limit=1)) == 1


def test_a_log_of_before_there_were_reasons_is_kept(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "aliases.db")) as database, database:
        database.executescript("""
            CREATE TABLE aliases (name TEXT PRIMARY KEY, version TEXT NOT NULL) STRICT;
            CREATE TABLE moves (
                id INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL,
                action TEXT NOT NULL, champion TEXT NOT NULL, previous TEXT
            ) STRICT;
            INSERT INTO aliases VALUES ('champion', 'v1');
            INSERT INTO moves VALUES (1, 5.0, 'kim', 'promote', 'v1', NULL);
        """)
    aliases = AliasRegistry(tmp_path)

    aliases.promote("v2", expected="v1", reason="better")

    assert [(move.who, move.reason) for move in aliases.history()][1] == ("kim", "")
    assert aliases.history()[0].reason == "better"


def test_of_several_deploys_at_once_exactly_one_wins(
    aliases: AliasRegistry, tmp_path: Path
) -> None:
    code = """
from pathlib import Path
from engine.errors import ConflictError, DeployRefusedError
from engine.store.aliases import AliasRegistry
aliases = AliasRegistry(Path(sys.argv[1]))
wait_for_start()
try:
    aliases.promote(sys.argv[2], expected=None)
    print("won")
except DeployRefusedError as refused:
    print(refused)
"""
    names = ["v1", "v2", "v3"]

    answers = at_once(code, [[str(tmp_path), name] for name in names])

    winner = names[answers.index("won\n")]
    assert aliases.read() == AliasState(winner, None)
    assert moves(tmp_path) == [("promote", winner, None)]
    losers = [answer for answer in answers if answer != "won\n"]
    assert len(losers) == 2
    assert all(f"the champion is now {winner}, not None" in answer for answer in losers)


def test_a_file_that_is_no_database_is_an_error_that_names_it(
    aliases: AliasRegistry, tmp_path: Path
) -> None:
    (tmp_path / "aliases.db").write_bytes(b"not a database at all" * 100)

    with pytest.raises(StorageError, match=r"aliases\.db: the aliases cannot be used"):
        aliases.read()
