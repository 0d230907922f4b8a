"""Screens made of blocks in columns, with a cursor over what in them can be opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.paint import Line, crop, pad, restyle, rule, text_of, width_of
from tui.view import View

_ROOMY_FROM = 24


@dataclass(frozen=True, slots=True)
class Target:
    """What the cursor can stand on: a kind such as "run", and which one of them."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Item:
    """A few lines that belong together; without a target the cursor passes over them."""

    lines: tuple[Line, ...]
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Items under a title.

    Attributes:
        title: What it is called.
        items: The most telling first: where there is no room, the last ones are left out.
        note: What stands at the right end of the title.
        rank: Where there is no room at all, blocks of the highest rank are left out.
        least: How many items it is worth showing with.
    """

    title: str
    items: Sequence[Item]
    note: str = ""
    rank: int = 0
    least: int = 1


Row = tuple[Line, "Target | None"]
# The same thing may stand in two columns: a target, and the column it stands in.
Place = tuple[Target, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a screen shows: columns of blocks, and lines below all of them.

    Attributes:
        columns: The blocks of each column.
        widths: Columns of the terminal that each takes; with a rule between them.
        foot: Lines below, as wide as the screen.
        scrolls: Whether columns go on below the last line, instead of leaving out blocks.
    """

    columns: Sequence[Sequence[Block]]
    widths: Sequence[int]
    foot: Sequence[Line] = ()
    scrolls: bool = False


def one(*spans: tuple[str, str]) -> Item:
    """An item of one line that cannot be opened."""
    return Item((list(spans),))


def spread(left: Sequence[tuple[str, str]], right: Line, width: int) -> Line:
    """A line with one part at its left end, cut where it must be, and one at its right end."""
    room = max(0, width - width_of(right) - 1)
    if width_of(left) > room:
        shown = crop(left, 0, max(0, room - 1))
        return [*shown, ("…", shown[-1][1] if shown else ""), (" ", ""), *right]
    return [*pad(left, room + 1), *right] if right else list(left)


def age(seconds: float) -> str:
    """A length of time in the largest unit alone: it changes seldom, so it is seldom sent."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "<1 m"


def gauge(share: float, width: int, style: str) -> Line:
    """A share, 0 to 1, as a bar of so many columns."""
    filled = round(min(max(share, 0.0), 1.0) * width)
    return [("━" * filled, style), ("─" * (width - filled), "rule")]


def split(width: int, count: int) -> list[int]:
    """Widths of so many equal columns with a rule between them."""
    room = width - (count - 1)
    return [room * (at + 1) // count - room * at // count for at in range(count)]


def fitted(blocks: Sequence[Block], height: int) -> list[int]:
    """How many items of each block fit into so many lines; 0: the block is left out.

    Every block gets its least; while even that is too much, one of the highest rank goes. What is
    left then goes to the blocks in turns, the lowest rank first.
    """
    shown = [min(block.least, len(block.items)) for block in blocks]
    order = sorted(range(len(blocks)), key=lambda at: blocks[at].rank)
    spare = height - _lines_of(blocks, shown)
    for at in reversed(order):
        if spare >= 0:
            break
        spare += _lines_of(blocks[at : at + 1], shown[at : at + 1])
        shown[at] = 0
    open_blocks = [at for at in order if shown[at]]
    while open_blocks:
        for at in list(open_blocks):
            items = blocks[at].items
            need = len(items[shown[at]].lines) if shown[at] < len(items) else spare + 1
            if need > spare:
                open_blocks.remove(at)
            else:
                shown[at] += 1
                spare -= need
    return shown


def _lines_of(blocks: Sequence[Block], shown: Sequence[int]) -> int:
    return sum(
        1 + sum(len(item.lines) for item in block.items[:number])
        for block, number in zip(blocks, shown, strict=True)
        if number
    )


def stacked(blocks: Sequence[Block], width: int, height: int | None) -> list[Row]:
    """Blocks below each other; with a height, as much of them as fits.

    Where there are lines to spare, one is left free below each block.
    """
    if height is None:
        shown, gap = [len(block.items) for block in blocks], True
    else:
        gaps = len(blocks) - 1
        least = _lines_of(blocks, [min(block.least, len(block.items)) for block in blocks])
        # Where there is plenty of room, free lines are worth more than one more item.
        roomy = height >= _ROOMY_FROM and least + gaps <= height
        shown = fitted(blocks, height - gaps if roomy else height)
        gap = _lines_of(blocks, shown) + gaps <= height
    rows: list[Row] = []
    for block, number in zip(blocks, shown, strict=True):
        if not number:
            continue
        if rows and gap:
            rows.append(([], None))
        hidden = len(block.items) - number
        more = tr("{count} more", count=hidden) if hidden else ""
        note = " · ".join(text for text in (block.note, more) if text)
        rows.append((rule(width, block.title, note), None))
        for item in block.items[:number]:
            rows += [(line, item.target) for line in item.lines]
    return rows


@dataclass(slots=True)
class _Drawn:
    """Where things stood when they were last drawn.

    Attributes:
        places: Everything that can be opened, in reading order, and in which line of its column.
        columns: First column of the terminal of each column, and what each of its lines means.
    """

    places: list[tuple[Place, int]] = field(default_factory=list)
    columns: list[tuple[int, list[Target | None]]] = field(default_factory=list)


class PanelsView(ListKeys, View):
    """A screen made of blocks. A view says what its plan is and what opening something means."""

    def __init__(self, app: object) -> None:
        super().__init__(app)  # type: ignore[arg-type]  # the mixin knows no constructor
        self.listing = Listing()
        self._chosen: Place | None = None
        self._drawn = _Drawn()
        self._tops: dict[int, int] = {}

    def plan(self, width: int, height: int) -> Plan:
        """What is shown in so many columns and lines."""
        raise NotImplementedError

    def prefers(self, target: Target) -> bool:
        """Whether the cursor begins on something of that kind, where there is any."""
        return True

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """The blocks of all columns with the cursor, and what stands below."""
        plan = self.plan(width, height)
        body = max(0, height - len(plan.foot))
        room = None if plan.scrolls else body
        columns = [
            stacked(blocks, size, room)
            for blocks, size in zip(plan.columns, plan.widths, strict=True)
        ]
        self._keep_cursor(columns)
        shown = [self._window(at, rows, body) for at, rows in enumerate(columns)]
        self._note_columns(shown, plan.widths)
        chosen = self._place()
        lines: list[Line] = []
        for row in range(body):
            line: Line = []
            for at, (rows, size) in enumerate(zip(shown, plan.widths, strict=True)):
                if at:
                    line.append(("│", "rule"))
                text, target = rows[row] if row < len(rows) else ([], None)
                full = pad(text, size)
                line += restyle(full, "cursor") if target and (target, at) == chosen else full
            lines.append(line)
        return [*lines, *plan.foot]

    def _keep_cursor(self, columns: Sequence[Sequence[Row]]) -> None:
        found: dict[Place, int] = {}
        for column, rows in enumerate(columns):
            for row, (_, target) in enumerate(rows):
                if target is not None:
                    found.setdefault((target, column), row)
        self._drawn.places = list(found.items())
        places = list(found)
        if self._chosen is not None and self._chosen in found:
            self.listing.cursor = places.index(self._chosen)
        elif places:
            wanted = next((at for at, one in enumerate(places) if self.prefers(one[0])), None)
            begin = (wanted or 0) if self._chosen is None else self.listing.cursor
            self.listing.cursor = min(begin, len(places) - 1)
            # As long as nothing was chosen, the cursor goes to what it prefers once that comes.
            if self._chosen is not None or wanted is not None:
                self._chosen = places[self.listing.cursor]

    def _window(self, column: int, rows: list[Row], height: int) -> list[Row]:
        """The part of a column that is seen: what the cursor stands on is in it."""
        top = min(self._tops.get(column, 0), max(0, len(rows) - height))
        chosen = self._place()
        under = [at for at, (_, one) in enumerate(rows) if one and (one, column) == chosen]
        if under:
            # With the title of its block, where it is the first one.
            top = min(top, max(0, under[0] - 1)) if under[0] <= top else top
            top = max(top, under[-1] - height + 1)
        self._tops[column] = top
        return rows[top : top + height]

    def _note_columns(self, shown: Sequence[Sequence[Row]], widths: Sequence[int]) -> None:
        at = 0
        self._drawn.columns = []
        for rows, size in zip(shown, widths, strict=True):
            self._drawn.columns.append((at, [target for _, target in rows]))
            at += size + 1

    # The cursor

    def count(self) -> int:
        """How many things can be opened."""
        return len(self._drawn.places)

    def target(self) -> Target | None:
        """What the cursor stands on."""
        place = self._place()
        return place[0] if place is not None else None

    def _place(self) -> Place | None:
        places = self._drawn.places
        return places[self.listing.cursor][0] if self.listing.cursor < len(places) else None

    def moved(self) -> None:
        """Remember what is meant: other things come and go around it."""
        self._chosen = self._place()

    def scroll(self, lines: int) -> None:
        """The wheel was turned."""
        self._go(1 if lines > 0 else -1)

    def do_left(self) -> None:
        """To the column at the left."""
        self._sideways(-1)

    def do_right(self) -> None:
        """To the column at the right."""
        self._sideways(1)

    def _sideways(self, step: int) -> None:
        places = self._drawn.places
        if not places:
            return
        (_, column), row = places[self.listing.cursor]
        beyond = [
            (abs(other - column), abs(line - row), at)
            for at, ((_, other), line) in enumerate(places)
            if (other - column) * step > 0
        ]
        if beyond:
            self.listing.cursor = min(beyond)[2]
            self.moved()

    def do_next_pane(self) -> None:
        """To the next kind of thing."""
        self._to_other_kind(1)

    def do_previous_pane(self) -> None:
        """To the kind of thing before."""
        self._to_other_kind(-1)

    def _to_other_kind(self, step: int) -> None:
        kinds = [target.kind for (target, _), _ in self._drawn.places]
        if not kinds:
            return
        at = self.listing.cursor
        for _ in kinds:
            at = (at + step) % len(kinds)
            if kinds[at] != kinds[self.listing.cursor]:
                break
        while step < 0 and at and kinds[at - 1] == kinds[at]:
            at -= 1
        self.listing.cursor = at
        self.moved()

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select; a double click opens."""
        for column, (start, targets) in reversed(list(enumerate(self._drawn.columns))):
            if x < start:
                continue
            target = targets[y] if 0 <= y < len(targets) else None
            known = [place for place, _ in self._drawn.places]
            if target is not None:
                self.listing.cursor = known.index((target, column))
                self.moved()
                open_it: Callable[[], None] | None = getattr(self, "do_open", None)
                if double and open_it is not None:
                    open_it()
            return

    def as_text(self) -> str:
        """Every block in full, below each other."""
        width, height = self.size
        plan = self.plan(width, height)
        found = [
            text_of(line).rstrip()
            for blocks, size in zip(plan.columns, plan.widths, strict=True)
            for line, _ in stacked(blocks, size, None)
        ]
        return "\n".join([*found, *(text_of(line).rstrip() for line in plan.foot)]) + "\n"
