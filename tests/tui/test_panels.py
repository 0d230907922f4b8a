"""Blocks in columns: what fits, what is left out, where the cursor goes."""

from __future__ import annotations

from typing import Any

import pytest

from tui.paint import text_of, width_of
from tui.panels import Block, Item, PanelsView, Plan, Target, fitted, one, spread, stacked


def block(title: str, count: int, *, lines: int = 1, **options: Any) -> Block:
    items = [
        Item(tuple([(f"{title}{at}", "")] for _ in range(lines)), Target(title, str(at)))
        for at in range(count)
    ]
    return Block(title, items, **options)


@pytest.mark.parametrize(
    ("height", "expected"),
    [
        (100, [5, 3]),
        # Two titles and six lines: in turns, the lower rank first.
        (8, [3, 3]),
        (7, [3, 2]),
        (4, [1, 1]),
        # Too little even for the least: the higher rank goes.
        (3, [2, 0]),
        (2, [1, 0]),
        (1, [0, 0]),
        (0, [0, 0]),
    ],
)
def test_items_are_left_out_where_there_is_no_room(height: int, expected: list[int]) -> None:
    blocks = [block("a", 5, rank=0), block("b", 3, rank=1)]

    assert fitted(blocks, height) == expected


def test_an_item_is_never_cut() -> None:
    rows = stacked([block("a", 3, lines=2)], 20, 6)

    assert [text_of(line)[:2] for line, _ in rows[1:]] == ["a0", "a0", "a1", "a1"]
    assert "1 more" in text_of(rows[0][0])


@pytest.mark.parametrize("height", range(30))
def test_blocks_never_take_more_lines_than_there_are(height: int) -> None:
    blocks = [block(name, 4, lines=2, rank=rank) for rank, name in enumerate("abc")]

    assert len(stacked(blocks, 30, height)) <= height


def test_where_there_is_plenty_of_room_blocks_stand_apart() -> None:
    rows = stacked([block("a", 2), block("b", 90)], 20, 30)

    assert [text_of(line) for line, _ in rows[2:5]][1] == ""
    assert len(rows) == 30


@pytest.mark.parametrize("width", [12, 20, 40])
def test_two_ends_of_a_line_fill_it_exactly(width: int) -> None:
    line = spread([("정어리 통조림 and more", "")], [("12 s", "dim")], width)

    assert width_of(line) == width
    assert text_of(line).endswith(" 12 s")


class Twice(PanelsView):
    """Two columns with the same thing in both."""

    name = "system"

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.columns = [[block("a", 3)], [block("a", 2), block("b", 40)]]
        self.scrolls = False

    def plan(self, width: int, height: int) -> Plan:
        return Plan(self.columns, [20, 20], scrolls=self.scrolls)


@pytest.fixture
def view() -> Twice:
    found = Twice(None)
    found.lines(41, 20)
    return found


def under_cursor(view: Twice, height: int = 20) -> list[str]:
    return [
        text.strip()
        for line in view.lines(41, height)
        for text, style in line
        if "cursor" in style and text.strip()
    ]


def test_what_stands_in_two_columns_is_selected_in_one(view: Twice) -> None:
    assert under_cursor(view) == ["a0"]
    view.do_right()
    assert under_cursor(view) == ["a0"]
    view.do_down()
    view.do_down()
    assert view.target() == Target("b", "0")
    view.do_left()
    assert view.target() == Target("a", "2")


def test_the_cursor_stays_on_what_it_stands_on_while_others_come(view: Twice) -> None:
    view.do_down()
    view.columns[0] = [Block("a", [one(("new", "")), *block("n", 2).items, *block("a", 3).items])]

    assert under_cursor(view) == ["a1"]


def test_it_stays_where_it_was_when_its_thing_goes(view: Twice) -> None:
    view.do_down()
    view.columns[0] = [Block("a", [block("a", 1).items[0], block("a", 3).items[2]])]

    assert under_cursor(view) == ["a2"]


def test_a_column_that_scrolls_shows_what_is_selected(view: Twice) -> None:
    view.scrolls = True
    view.lines(41, 6)
    view.do_bottom()

    assert under_cursor(view, height=6) == ["b39"]
    view.do_top()
    assert under_cursor(view, height=6) == ["a0"]


def test_tab_goes_to_another_kind_of_thing(view: Twice) -> None:
    view.do_next_pane()
    assert view.target() == Target("b", "0")
    view.do_previous_pane()
    assert view.target() == Target("a", "0")


def test_a_click_selects(view: Twice) -> None:
    view.click(25, 4, double=False)

    assert view.target() == Target("b", "0")


def test_all_blocks_are_saved_in_full(view: Twice) -> None:
    view.size = (41, 5)

    assert "b39" in view.as_text()
