"""What there is to say about one setting."""

from __future__ import annotations

from tui.data.settings import Setting
from tui.language import tr
from tui.paint import Line, clip, fit, wrap

_LABEL = 10
_MOST_LINES = 2


def short_lines(one: Setting, of_file: str, width: int) -> list[Line]:
    """In six lines: its value and meaning, what may stand there, and where it stands.

    Args:
        one: The setting.
        of_file: The settings file that it belongs in.
        width: Columns.
    """
    look = "accent strong" if one.differs else "accent"
    head: Line = [(f" {clip(one.key, width // 2)}", "strong"), (" = ", "dim")]
    head.append((clip(one.shown, max(8, width - width // 2 - 6)), look))
    lines = [head]
    lines += [[(f" {text}", "")] for text in _cut(one.doc, width - 2)]
    known = f"{tr('default')} {one.default} · {one.allowed or one.type}"
    lines += [[(f" {text}", "dim")] for text in _cut(known, width - 2)]
    own_file = one.file.endswith(f"/{of_file}")
    place = one.origin if own_file else f"{one.origin} → configs/{of_file}"
    lines += [[(f" {text}", "dim")] for text in _cut(place, width - 2)]
    return lines


def _cut(text: str, width: int) -> list[str]:
    parts = wrap(text, width)
    if len(parts) > _MOST_LINES:
        parts[_MOST_LINES - 1] = clip(" ".join(parts[_MOST_LINES - 1 :]), width)
    return parts[:_MOST_LINES]


def fact_lines(one: Setting, of_file: str, width: int) -> list[Line]:
    """All of it, a fact a line or more."""
    facts = [
        (tr("value"), one.shown, "accent strong" if one.differs else "accent"),
        (tr("default"), one.default, ""),
        (tr("allowed"), one.allowed, ""),
        (tr("type"), one.type, ""),
        (tr("from"), one.origin, "dim"),
        (tr("belongs in"), f"configs/{of_file}", "dim"),
    ]
    lines: list[Line] = []
    for label, text, look in facts:
        for at, part in enumerate(wrap(text, max(8, width - _LABEL - 3)) if text else []):
            head = fit(label if at == 0 else "", _LABEL)
            lines.append([(f" {head} ", "dim"), (part, look)])
    return lines
