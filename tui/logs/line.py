"""A line of a log as it is shown: time, level, what wrote it, message, and what was looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo

from rich.cells import cell_len, set_cell_size

from tui.logs.filter import ENTRY
from tui.paint import Line, clean
from tui.states import TimeMode, moment

# Tag of five columns, its style, and that of the message.
_LEVELS = {
    "DEBUG": ("DEBUG", "dim", "dim"),
    "INFO": ("INFO ", "dim", ""),
    "WARNING": ("WARN ", "warn", "warn"),
    "ERROR": ("ERROR", "bad", "red"),
    "CRITICAL": ("CRIT ", "danger", "bad"),
}
_RUN_STYLES = ("cyan", "magenta", "blue", "green", "yellow", "accent")
_RAISED = re.compile(r"\s*[\w.]*(?:Error|Exception|Interrupt|Warning)\b(?::|$)|\s*Traceback \(most")
_CODE = re.compile(r'\s+(?:File "|[~^]+\s*$)')
_TIME_WIDTHS = {"ago": 9, "clock": 12, "date": 19}
# Time, level and source take more characters in the file than on the screen, never fewer.
_PREFIX = 160


def run_style(run_id: str) -> str:
    """The colour of a run's name: always the same, and seldom that of its neighbour."""
    return _RUN_STYLES[int.from_bytes(run_id.encode()[-8:], "big") % len(_RUN_STYLES)]


def log_spans(text: str, mode: TimeMode, now: float, zone: tzinfo | None, most: int) -> Line:
    """A line of a log as spans.

    Args:
        text: The line as it stands in the file.
        mode: How times are told.
        now: The present, in seconds since the epoch.
        zone: In which times are told.
        most: How many columns of it can be seen at most.
    """
    entry = ENTRY.match(text[:_PREFIX])
    if entry is None:
        return [(clean(text, most), _style_inside(text))]
    tag, level_style, style = _LEVELS[entry[4]]
    source = clean(entry[5])
    return [
        (_time(entry, mode, now, zone).ljust(_TIME_WIDTHS[mode]) + " ", "dim"),
        (tag, level_style),
        (" ", ""),
        (source, "accent"),
        (" ", ""),
        (clean(text[entry.end() : entry.end() + most], most), style),
    ]


def highlight(line: Line, patterns: Sequence[re.Pattern[str]]) -> Line:
    """A line with what patterns find in it marked."""
    if not patterns:
        return line
    whole = "".join(text for text, _ in line)
    found = _stretches([match.span() for one in patterns for match in one.finditer(whole)])
    if not found:
        return line
    marked: Line = []
    at = 0
    for text, style in line:
        end = at + len(text)
        here = at
        for start, stop in found:
            low, high = max(start, at), min(stop, end)
            if low < high:
                marked.append((text[here - at : low - at], style))
                marked.append((text[low - at : high - at], f"{style} match".strip()))
                here = high
        marked.append((text[here - at :], style))
        at = end
    return [span for span in marked if span[0]]


def _stretches(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places without empty ones, in their order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def fold(line: Line, width: int, most: int) -> list[Line]:
    """A line broken into rows of at most `width` columns, at most `most` of them.

    No character is cut in two; further rows are indented by two columns.
    """
    rows: list[Line] = [[]]
    room = width
    for text, style in line:
        while text:
            head = text[:room] if text.isascii() else _head(text, room)
            if head:
                rows[-1].append((head, style))
                text = text[len(head) :]
                room -= cell_len(head)
            if text:
                if len(rows) == most:
                    return rows
                rows.append([("  ", "")])
                room = max(2, width - 2)
    return rows


def _head(text: str, width: int) -> str:
    """As many whole characters as fit."""
    text = text[:width]
    if cell_len(text) <= width:
        return text
    head = set_cell_size(text, width)
    # A wide character of which only half fits has become a blank.
    while head and not text.startswith(head):
        head = head[:-1]
    return head


def _style_inside(text: str) -> str:
    if text.startswith("... "):
        return "warn"
    if _RAISED.match(text):
        return "red"
    return "dim" if _CODE.match(text) else ""


def _time(entry: re.Match[str], mode: TimeMode, now: float, zone: tzinfo | None) -> str:
    try:
        local = datetime.fromisoformat(entry[1]).replace(tzinfo=_offset(entry[3]))
    except ValueError:
        return entry[1][11:]  # no date that there is
    if mode == "clock":
        return f"{local.astimezone(zone):%H:%M:%S}.{entry[2]}"
    return moment(local.timestamp(), mode, now, zone)


def _offset(text: str) -> timezone:
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
