"""How a launch form looks: its inputs, what is known of one of them, and what it differs from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from tui.flows.launch_form import DATA, PRIORITY, TAGS, LaunchForm
from tui.flows.rows import Row
from tui.flows.values import FormField
from tui.language import tr
from tui.line_editor import LineEditor
from tui.paint import Line, clip, fit, pad, rule, width_of, wrap
from tui.states import moment, sign, style

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

LABELS = {
    "--data-type": "data type",
    "--model-type": "model type",
    "--epochs": "epochs",
    "--data": "data file",
    "--seed": "seed",
    "--threads": "threads",
    "--force": "force, why",
    TAGS: "tags",
    PRIORITY: "priority",
}
_LISTED = 12


def label_of(field: FormField) -> str:
    """What a field is called in the form."""
    known = LABELS.get(field.option)
    return tr(known) if known else field.name


def columns(width: int) -> tuple[int, int]:
    """Columns of the name and of the value of a field."""
    name = min(23, max(14, width // 3))
    return name, min(30, max(14, (width - name) * 2 // 5))


def field_line(
    form: LaunchForm, field: FormField, width: int, under: str, editor: LineEditor | None
) -> Line:
    """A field: name, value, and what is to be said of it."""
    name_width, value_width = columns(width)
    is_changed = field.key in form.texts
    problem = form.problem(field)
    mark = "✗" if problem else "◆" if is_changed else " "
    line: Line = [
        (f" {mark} ", f"{'bad' if problem else 'mark'} {under}".strip()),
        (fit(label_of(field), name_width), f"{'strong' if is_changed else ''} {under}".strip()),
        (" ", under),
    ]
    room = width - width_of(line)
    if editor is not None:
        is_missing = field.key == DATA and bool(form.missing)
        missing = tr("there is no such file") if is_missing and not problem else ""
        said = clip(problem or missing, room // 2)
        typed = editor.line(max(8, room - (cell_len(said) + 3 if said else 1)))
        tone = "warn" if missing else "bad"
        return pad([*line, *typed, ("  ", under), (said, f"{tone} {under}".strip())], width, under)
    text = form.text(field.key)
    look = "accent" if is_changed else "dim" if text in ("", "null", "[]") else ""
    shown = fit(_with_arrow(field, text) or "–", value_width)
    line += [(shown, f"{look} {under}".strip()), ("  ", under)]
    said, tone = _note(form, field, problem)
    line.append((clip(said, width - width_of(line) - 1), f"{tone} {under}".strip()))
    return pad(line, width, under)


def _with_arrow(field: FormField, text: str) -> str:
    return f"{text} ▾" if field.kind in ("choice", "bool") else text


def _note(form: LaunchForm, field: FormField, problem: str) -> tuple[str, str]:
    """What stands beside a value: what is wrong, else what it was, else what it means."""
    if problem:
        return problem, "bad"
    if field.key == DATA and form.missing:
        return tr("there is no such file"), "warn"
    parts = []
    if field.key in form.texts:
        parts.append(tr("default {value}", value=field.default or "–"))
    last = last_text(form, field)
    if last is not None and last != form.text(field.key).strip():
        parts.append(tr("last run {value}", value=last or "–"))
    if parts:
        return " · ".join(parts), "warn"
    return field.help, "dim"


def last_text(form: LaunchForm, field: FormField) -> str | None:
    """What the last run had in a field; None where no last run is known."""
    earlier = form.again or form.last
    return None if earlier is None else form.texts_then(earlier).get(field.key)


def section_line(form: LaunchForm, section: str, width: int, under: str, is_open: bool) -> Line:
    """The heading of a section, with how many fields it has and how many are changed."""
    fields = form.of_section(section)
    changed = sum(field.key in form.texts for field in fields)
    ill = sum(bool(form.problem(field)) for field in fields)
    line: Line = [
        (f" {'▾' if is_open else '▸'} ", f"key {under}".strip()),
        (section or tr("general"), f"title {under}".strip()),
        (f"  {len(fields)}", f"dim {under}".strip()),
    ]
    if changed:
        line.append((f"  ◆ {changed}", f"mark {under}".strip()))
    if ill:
        line.append((f"  ✗ {ill}", f"bad {under}".strip()))
    said = clip(form.sections.get(section, ""), width - width_of(line) - 3)
    line.append((f"  {said}", f"dim {under}".strip()))
    return pad(line, width, under)


def button_line(width: int, under: str, said: tuple[str, str]) -> Line:
    """The button that launches, and what a launch would meet."""
    label = f" {tr('Launch')} "
    line: Line = [
        ("   ", under),
        (f"[{label}]", "tab"),
        ("  ", under),
        (said[0], f"{said[1]} {under}".strip()),
    ]
    return pad(line, width, under)


def detail_lines(
    form: LaunchForm, row: Row, width: int, height: int, offers: Sequence[str]
) -> list[Line]:
    """All that is known of what the cursor stands on."""
    if offers:
        return [[("  ", ""), (clip(text, width - 2), "accent")] for text in offers[:height]]
    if row.kind == "button":
        keys = tr("enter or ctrl+l launches · d shows what would run · backspace empties the form")
        return [[(f" {text}", "dim")] for text in wrap(keys, width - 2)][:height]
    if row.kind == "section":
        said = form.sections.get(row.key, "") or tr("settings of no section")
        keys = tr("enter folds and unfolds · backspace gives all of it its defaults")
        lines: list[Line] = [[(f" {text}", "")] for text in wrap(said, width - 2)]
        return [*lines[: height - 1], [(f" {clip(keys, width - 2)}", "dim")]]
    return _field_details(form, form.fields[row.key], width, height)


def _field_details(form: LaunchForm, field: FormField, width: int, height: int) -> list[Line]:
    lines: list[Line] = [[(f" {text}", "bad")] for text in wrap(form.problem(field), width - 2)]
    lines = [line for line in lines if line[0][0].strip()][:2]
    if field.key == DATA and form.missing:
        missing = tr("there is no file {path}", path=form.missing)
        lines.append([(f" {clip(missing, width - 2)}", "warn")])
    lines += _allowed(field, width)
    origin = f"  {field.origin}" if field.origin else ""
    default: Line = [
        (f" {tr('default')} ", "dim"),
        (clip(field.default or "–", max(8, width // 2)), ""),
    ]
    default.append((clip(origin, max(0, width - width_of(default) - 1)), "dim"))
    lines.append(default)
    then = last_text(form, field)
    if then is not None and height > 4:
        lines.append([(f" {tr('last run')} ", "dim"), (clip(then or "–", width - 14), "")])
    lines += [[(f" {text}", "")] for text in wrap(field.help, width - 2)]
    return lines[:height]


def _allowed(field: FormField, width: int) -> list[Line]:
    """How it is set, and what may stand there: every choice, if need be on more lines."""
    name = clip(field.option or f"--set {field.key}", width - 2)
    head: Line = [(f" {name}  ", "accent")]
    room = max(0, width - width_of(head) - 1)
    if not field.choices:
        return [[*head, (clip(field.allowed, room), "dim")]]
    texts = wrap(" | ".join(field.choices), max(12, room))
    lines: list[Line] = [[*head, (texts[0], "dim")]]
    indent = " " * width_of(head)
    return [*lines, *([(indent, ""), (text, "dim")] for text in texts[1:])]


def difference_lines(app: ControlCenter, form: LaunchForm, width: int) -> list[Line]:
    """What differs from the defaults, and from the last run or the one that is launched again."""
    changed = form.changed()
    lines = [rule(width, tr("Differs from the defaults"), str(len(changed)))]
    lines += _listed([(field, field.default) for field in changed], form, width)
    lines.append([])
    earlier = form.again or form.last
    if earlier is None:
        return [*lines, rule(width, tr("Differs from the last run")), _nothing(tr("no run yet"))]
    found = form.differing(earlier)
    title = tr("Differs from the run") if form.again else tr("Differs from the last run")
    lines.append(rule(width, title, str(len(found))))
    run = earlier.run
    when = moment(run.started or run.created, app.time_mode, app.now(), app.zone)
    lines.append(
        [
            (f" {sign(run.state)} ", style(run.state)),
            (clip(f"{run.name}  {run.id[:8]}  {when}", width - 3), "dim"),
        ]
    )
    return [*lines, *_listed(found, form, width)]


def _listed(found: list[tuple[FormField, str]], form: LaunchForm, width: int) -> list[Line]:
    if not found:
        return [_nothing(tr("in nothing"))]
    lines: list[Line] = []
    for field, before in found[:_LISTED]:
        name = label_of(field) if field.option else field.name
        line: Line = [(f" {clip(name, width // 2)}  ", "")]
        line.append((clip(before or "–", max(6, width // 4)), "dim"))
        line.append((" → ", "dim"))
        rest = max(4, width - width_of(line) - 1)
        line.append((clip(form.text(field.key) or "–", rest), "accent"))
        lines.append(line)
    if len(found) > _LISTED:
        lines.append(_nothing(tr("and {count} more", count=len(found) - _LISTED)))
    return lines


def _nothing(said: str) -> Line:
    return [(f" {said}", "dim")]
