"""What a classifier takes for what, as a confusion matrix.

A cell is told by more than its colour. Where there are shades, right answers are blue and mistakes
orange, which people with every kind of colour blindness tell apart, and the ground tells which part
of the row a cell is. Where there are none, right answers stand in brackets and characters shade the
mistakes. The most frequent mistakes have an exclamation mark either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.charts.depth import Depth
from engine.charts.mistakes import Counts, Mistake, mistakes_of
from engine.charts.text import clip, fit, fit_right, paint
from engine.text import printable

# What parts of a row look alike: below 5 %, from there on, from 20 %, from 50 %.
_FROM = (0.05, 0.2, 0.5)
_SHADES = (" ░▒▓", " .:#")
# Text and ground of each, of the palette of 256. They go from a middle gray to full colour, so
# that little and much look so on a light terminal and on a dark one.
_RIGHT = ((231, 66), (231, 67), (231, 32), (231, 26))
_WRONG = ((16, 138), (16, 173), (16, 208), (16, 202))
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHORTEST_NAME = 4
_WIDEST_CELL = 12
_LETTERED_CELL = 5
# Columns of the samples in the legend: a count in its cell, a shade.
_SIGN, _SAMPLE = 3, 2
_LEAST_LABEL = 8
_THOUSANDS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


@dataclass(frozen=True)
class Words:
    """What a confusion matrix says, in the language of who looks at it.

    Args:
        actual: Above the names of the rows.
        predicted: Above the names of the columns.
        recall: Above the part of each row that is right.
        others: Above what was taken for a class that is not shown.
        right: Legend of right answers.
        frequent: Legend of the most frequent mistakes.
        part: Legend of the shades.
        left_out: What is not shown; has `{count}` and `{all}`.
        too_narrow: Instead of the matrix where there is no room for one.
    """

    actual: str = "actual"
    predicted: str = "predicted"
    recall: str = "right"
    others: str = "else"
    right: str = "right"
    frequent: str = "most frequent mistakes"
    part: str = "part of the row"
    left_out: str = "{count} of {all} classes, of fewer mistakes, are left out."
    too_narrow: str = "Too narrow for a matrix."


ENGLISH = Words()


def confused_classes(mistakes: Sequence[Mistake], classes: int, most: int) -> list[int]:
    """The classes to show where there is no room for all: places, in their own order.

    Mistakes are gone through from the most frequent one, and both classes of each are kept, so
    that what is confused most can be seen with what it is confused with. Any room that is left
    goes to the first of the other classes.

    Args:
        mistakes: Of `mistakes_of`.
        classes: Number of classes.
        most: How many have room.
    """
    if classes <= most:
        return list(range(classes))
    kept: set[int] = set()
    for mistake in mistakes:
        pair = {mistake.actual, mistake.predicted}
        if len(kept | pair) <= most:
            kept |= pair
    for place in range(classes):
        if len(kept) < most:
            kept.add(place)
    return sorted(kept)


def confusion_lines(
    confusion: Counts,
    classes: Sequence[str],
    width: int,
    *,
    most_classes: int = 20,
    most_marked: int = 5,
    words: Words = ENGLISH,
    colour: Depth = Depth.PALETTE,
    ascii: bool = False,
) -> list[str]:
    """Draw the matrix, and a legend below it.

    Behind each row stands which part of it is right. Where the names of the columns have no room,
    letters stand for them, which the rows explain. Where not all classes have room, those are
    shown that are confused most (see `confused_classes`), and one more column counts what was
    taken for any other.

    Args:
        confusion: Counts; a row for each actual, a column for each predicted class.
        classes: Their names, shown escaped.
        width: Columns that a line may have.
        most_classes: Classes to show, 2 to 26.
        most_marked: How many of the most frequent mistakes to mark. What happened once is not
            frequent.
        words: What is said beside names and numbers.
        colour: Shades from `Depth.PALETTE` on, else shading characters.
        ascii: Keep to ASCII.

    Returns:
        The lines; one sentence where there is no room for two classes.

    Raises:
        ValueError: A matrix that has not one row, column and name a class; sizes that mean
            nothing.
    """
    if width < 0 or not 2 <= most_classes <= len(_LETTERS):
        raise ValueError(f"no matrix has {width} columns or shows {most_classes} classes")
    sizes = {len(confusion), *map(len, confusion)}
    if not classes or sizes != {len(classes)}:
        raise ValueError(f"{len(classes)} classes are no matrix of as many rows and columns")
    mistakes = mistakes_of(confusion)
    layout = _layout(confusion, classes, width, most_classes, words, mistakes, ascii)
    if layout is None:
        return [clip(words.too_narrow, width, ascii=ascii)]
    marked = frozenset(_frequent(mistakes, most_marked))
    table = _Table(confusion, layout, marked, words, colour, ascii)
    return [*table.lines(), "", *table.legend(width, len(classes))]


def _frequent(mistakes: Sequence[Mistake], most: int) -> Iterator[tuple[int, int]]:
    """(actual, predicted) of the most frequent mistakes, and of those that are as frequent."""
    least = mistakes[min(most, len(mistakes)) - 1].count if mistakes and most else 0
    # Where many are as frequent as the last of them, that tells nothing.
    if sum(one.count >= least for one in mistakes) > 2 * most:
        least += 1
    for one in mistakes:
        if most and one.count >= max(least, 2):
            yield one.actual, one.predicted


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which classes are shown, and the columns that things take.

    Attributes:
        shown: Places of the classes.
        names: Of the rows.
        keys: Names of the columns.
        label: Columns of the names of the rows.
        cell: Columns of a count, with those of a shade before it and a mark behind.
        others: Columns of the count of all other classes; 0 where there are none.
        recall: Columns of the part that is right.
    """

    shown: Sequence[int]
    names: Sequence[str]
    keys: Sequence[str]
    label: int
    cell: int
    others: int
    recall: int


def _layout(
    confusion: Counts,
    classes: Sequence[str],
    width: int,
    most: int,
    words: Words,
    mistakes: Sequence[Mistake],
    ascii: bool,
) -> _Layout | None:
    """The widest cells whose columns can have names, else those of letters; None for no room."""
    least = max(len(_short(count)) for row in confusion for count in row) + 2
    recall = max(len("100 %"), cell_len(words.recall))
    names = [printable(name[:400], ascii=ascii) for name in classes]
    for lettered in (False, True):
        widest = max(map(cell_len, names)) + 2 * lettered
        label = max(min(widest, max(_LEAST_LABEL, width // 4)), cell_len(words.actual))
        room = width - label - recall - 2
        others = 0
        most_fit = min(most, room // least)
        if most_fit < len(classes):
            # Sums of the other counts of a row: as long as its total, and no longer than 4.
            digits = max(len(str(sum(row))) for row in confusion)
            others = max(min(digits, 4) + 2, cell_len(words.others) + 1)
            most_fit = min(most, (room - others) // least)
        if most_fit < min(2, len(classes)):
            return None
        shown = confused_classes(mistakes, len(classes), most_fit)
        own = [names[place] for place in shown]
        widest = max(map(cell_len, own)) + 1
        cell = max(least, min((room - others) // len(shown), widest, _WIDEST_CELL))
        if lettered:
            letters = _LETTERS[: len(shown)]
            own = [f"{letter} {name}" for letter, name in zip(letters, own, strict=True)]
            cell = max(least, min(cell, _LETTERED_CELL))
            return _Layout(shown, own, letters, label, cell, others, recall)
        keys = [clip(name, cell - 1, ascii=ascii) for name in own]
        if cell >= min(widest, _SHORTEST_NAME + 1) and len(set(keys)) == len(keys):
            return _Layout(shown, own, keys, label, cell, others, recall)
    return None


@dataclass(frozen=True, slots=True)
class _Table:
    """A matrix with its layout; `marked` are (actual, predicted) of the most frequent mistakes."""

    confusion: Counts
    layout: _Layout
    marked: frozenset[tuple[int, int]]
    words: Words
    colour: Depth
    ascii: bool

    def lines(self) -> Iterator[str]:
        """The headings and the rows."""
        layout = self.layout
        heads = "".join(self._head(key, layout.cell) for key in layout.keys)
        if layout.others:
            heads += self._head(self.words.others, layout.others)
        above = fit(self.words.predicted, cell_len(heads), ascii=self.ascii).rstrip()
        yield self._gray(f"{' ' * layout.label} {above}")
        actual = fit(self.words.actual, layout.label, ascii=self.ascii)
        recall = fit_right(self.words.recall, layout.recall, ascii=self.ascii)
        yield self._gray(f"{actual} {heads} {recall}")
        for name, place in zip(layout.names, layout.shown, strict=True):
            yield self._row(name, place)

    def legend(self, width: int, classes: int) -> Iterator[str]:
        """What signs and shades mean, and what is not shown."""
        words = self.words
        signs = [(self._right("n", _SIGN, len(_FROM)), words.right)]
        if self.marked:
            sign = self._wrong("n", _SIGN, 0, "!")
            signs.append((sign, words.frequent))
        yield from self._samples("", signs, width, _SIGN)
        yield from self._samples(words.part, list(self._shades()), width, _SAMPLE)
        if left_out := classes - len(self.layout.shown):
            yield clip(words.left_out.format(count=left_out, all=classes), width, ascii=self.ascii)

    def _shades(self) -> Iterator[tuple[str, str]]:
        """A sample of each shade of mistakes, and what it means."""
        if self.colour.is_shaded:
            yield _on_ground(" " * _SAMPLE, _WRONG[0]), f"< {_FROM[0] * 100:.0f} %"
        for level, share in enumerate(_FROM, start=1):
            shade = _SHADES[self.ascii][level]
            sample = (
                _on_ground(" " * _SAMPLE, _WRONG[level])
                if self.colour.is_shaded
                else shade * _SAMPLE
            )
            yield (
                paint(sample, "yellow", self.colour is Depth.SIXTEEN),
                (f"{'>=' if self.ascii else '≥'} {share * 100:.0f} %"),
            )

    def _samples(
        self, title: str, samples: Sequence[tuple[str, str]], width: int, size: int
    ) -> Iterator[str]:
        """Samples of so many columns with what they mean, on as many lines as they need."""
        line = clip(title, width, ascii=self.ascii)
        taken = cell_len(line)
        for sample, text in samples:
            text = clip(text, max(0, width - size - 1), ascii=self.ascii)
            need = size + 1 + cell_len(text)
            if taken and taken + 2 + need > width:
                yield line
                line, taken = "", 0
            line += f"{'  ' if taken else ''}{sample} {text}"
            taken += need + (2 if taken else 0)
        yield line

    def _gray(self, text: str) -> str:
        return paint(text, "grey", bool(self.colour))

    def _head(self, key: str, width: int) -> str:
        # One column further left than the cells end: there stand marks and brackets.
        return f"{fit_right(key, width - 1, ascii=self.ascii)} "

    def _row(self, name: str, place: int) -> str:
        layout, row = self.layout, self.confusion[place]
        total = sum(row)
        cells = [self._cell(place, column, row[column], total) for column in layout.shown]
        if layout.others:
            rest = total - sum(row[column] for column in layout.shown)
            cells.append(self._cell(place, None, rest, total))
        recall = f"{_percent(row[place], total)} %" if total else "-"
        label = fit(name, layout.label, ascii=self.ascii)
        return f"{label} {''.join(cells)} {recall:>{layout.recall}}"

    def _cell(self, actual: int, predicted: int | None, count: int, total: int) -> str:
        width = self.layout.others if predicted is None else self.layout.cell
        if not count:
            return self._gray(f"{'-' if self.ascii else '·':>{width - 1}} ")
        level = sum(count / total >= share for share in _FROM)
        if predicted == actual:
            return self._right(_short(count), width, level)
        mark = "!" if (actual, predicted) in self.marked else " "
        return self._wrong(_short(count), width, level, mark)

    def _right(self, number: str, width: int, level: int) -> str:
        if self.colour.is_shaded:
            return _on_ground(f"{number:>{width - 1}} ", _RIGHT[level])
        return paint(f"[{number}]".rjust(width), "green", bool(self.colour))

    def _wrong(self, number: str, width: int, level: int, mark: str) -> str:
        if self.colour.is_shaded:
            return _on_ground(f"{number:>{width - 1}}{mark}", _WRONG[level], bold=mark == "!")
        # A blank between two cells, where there is more room than for one shading character.
        shade = _SHADES[self.ascii][level] * max(1, width - 2 - len(number))
        text = f"{shade}{number}".rjust(width - 1) + mark
        return paint(text, "red" if mark == "!" else "yellow", bool(self.colour))


def _on_ground(text: str, colours: tuple[int, int], *, bold: bool = False) -> str:
    ink, ground = colours
    return f"\x1b[{'1;' if bold else ''}38;5;{ink};48;5;{ground}m{text}\x1b[0m"


def _percent(part: int, total: int) -> int:
    """A whole percentage that is 0 or 100 only for none or all."""
    if 0 < part < total:
        return min(max(round(100 * part / total), 1), 99)
    return 100 if part else 0


def _short(count: int) -> str:
    """A count of at most four characters."""
    for size, suffix in _THOUSANDS:
        if count >= 10 * size or (count >= size and size > 1000):
            return f"{count // size}{suffix}"
    return str(count)
