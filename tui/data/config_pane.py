"""The effective configuration: what holds, where it comes from, what it means."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from tui import memory, verbs
from tui.data.config_edit import ConfigEditor, Target, problem_lines
from tui.data.drafts import Draft, file_of, owner_of, template
from tui.data.pane import Pane
from tui.data.setting_lines import fact_lines, short_lines
from tui.data.settings import OWNERS, Setting, prefix_of, read_settings, show_arguments
from tui.language import tr
from tui.overlays.page import Page
from tui.paint import Line, beside, clip, filled, fit, pad, rule, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_OWNERS_WIDTH = 17
_TABLE_WIDTH = 100
_DOC_LINES = 7
_OWNERS, _SETTINGS = 0, 1


class ConfigPane(Pane):
    """Flows and engine on the left, settings, and the documentation of the selected one."""

    name = "config"
    title = "Configuration"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app, lists=2)
        self.listing = self.lists[_SETTINGS]
        self.editor = ConfigEditor(app, self._edited)
        self.only_changed = False
        self.known: dict[str, list[Setting]] = {}
        self.problems: dict[str, str] = {}
        self.left: list[Draft] = []
        self._shown: tuple[object, list[Setting]] = (None, [])
        self._at = (0, 0)
        self._key = ""

    # What is selected

    @property
    def owner(self) -> str:
        """The flow, or "engine", whose settings are shown."""
        return OWNERS[min(self.lists[_OWNERS].cursor, len(OWNERS) - 1)]

    def settings(self) -> list[Setting]:
        """Those that are shown."""
        found = self.known.get(self.owner, [])
        made_for = (id(found), self.filter, self.only_changed)
        if self._shown[0] != made_for:
            words = self.filter.casefold().split()
            kept = [one for one in found if one.differs or not self.only_changed]
            self._shown = (made_for, [one for one in kept if one.fits(words)])
        return self._shown[1]

    def selected(self) -> Setting | None:
        """The one under the cursor."""
        shown, at = self.settings(), self.lists[_SETTINGS].cursor
        return shown[at] if at < len(shown) else None

    def count(self) -> int:
        """Rows of the list that has the focus."""
        return len(OWNERS) if self.focus == _OWNERS else len(self.settings())

    def rows(self) -> int:
        """Flows and settings."""
        return len(OWNERS) + len(self.settings())

    def moved(self) -> None:
        """Ask for the settings of the flow that is looked at."""
        if self.owner not in self.known:
            self.ask()
        if self.focus == _SETTINGS:
            chosen = self.selected()
            self._key = chosen.key if chosen else self._key

    def target_owner(self) -> str:
        """In whose file the selected setting stands, or would stand."""
        chosen = self.selected()
        return owner_of(self.owner, chosen.key if chosen else "")

    # Asking

    def ask(self) -> None:
        """Ask for the settings of the flow that is looked at, and look for drafts."""
        self.left = self.editor.sweep()
        if self.app.connects:
            self.app.link.look(f"config {self.owner}", partial(self._fetch, self.owner))

    async def _fetch(self, owner: str) -> None:
        try:
            document = await self.app.engine(*show_arguments(owner))
        except EngineError as error:
            self.problems[owner] = str(error)
            self.known.pop(owner, None)
            return
        self.problems.pop(owner, None)
        own_first = read_settings(document)
        own_first.sort(key=lambda one: owner_of(owner, one.key) != owner)
        self.known[owner] = own_first
        if owner == self.owner:
            self._find_key()

    def _find_key(self) -> None:
        keys = [one.key for one in self.settings()]
        if self._key in keys:
            self.lists[_SETTINGS].cursor = keys.index(self._key)

    def _edited(self) -> None:
        """A file has changed: what was known of any flow may be otherwise now."""
        owner = self.owner
        for other in [name for name in self.known if name != owner]:
            del self.known[other]
        self.ask()

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """Two columns with the documentation below, or three."""
        owners = self._owner_lines(height)
        if width >= _PANES_FROM:
            doc = max(44, min(84, width - _OWNERS_WIDTH - _TABLE_WIDTH))
            middle = width - _OWNERS_WIDTH - doc - 2
            right = [rule(doc, tr("Meaning")), *self._doc_lines(doc, height - 1)]
            table = beside(self._table(middle, height), right, middle, doc, height)
            return beside(owners, table, _OWNERS_WIDTH, middle + 1 + doc, height)
        middle = width - _OWNERS_WIDTH - 1
        below = _DOC_LINES if height >= 14 else 0
        table = self._table(middle, height - below)
        if below:
            table += [rule(middle, tr("Meaning")), *self._doc_lines(middle, below - 1)]
        return beside(owners, table, _OWNERS_WIDTH, middle, height)

    def _owner_lines(self, height: int) -> list[Line]:
        lines = [rule(_OWNERS_WIDTH, tr("Flow"))]
        self._at = (_OWNERS_WIDTH, 2)
        for row, owner in enumerate(OWNERS):
            under = self.cursor_style(_OWNERS, row)
            mark, look = self._owner_mark(owner)
            name = owner.removesuffix("_flow") if prefix_of(owner) else owner
            line: Line = [(f" {fit(name, 12)}", under), (mark, f"{look} {under}".strip())]
            lines.append(pad(line, _OWNERS_WIDTH, under))
        if self.left:
            lines += [[], [(f" {len(self.left)} ", "warn"), (clip(tr("draft left"), 13), "warn")]]
        return filled(lines, height)

    def _owner_mark(self, owner: str) -> tuple[str, str]:
        if owner in self.problems:
            return "✗", "bad"
        changed = sum(one.differs for one in self.known.get(owner, []))
        return (f"{changed}", "accent") if changed else ("", "")

    def _table(self, width: int, height: int) -> list[Line]:
        shown = self.settings()
        heading = tr("what differs") if self.only_changed else ""
        note = " ".join(
            part for part in (heading, f"/{self.filter}" if self.filter else "") if part
        )
        lines = [rule(width, tr("Settings of {owner}", owner=self.owner), note)]
        columns = _columns(width, shown)
        heads = (tr("Key"), tr("Value"), tr("Comes from"))
        titles = [fit(head, size) for head, size in zip(heads, columns, strict=True)]
        lines.append(pad([("  " + " ".join(titles), "column")], width, "column"))
        if not shown:
            return filled([*lines, *self._empty(width)], height)
        for row in self.lists[_SETTINGS].window(len(shown), height - 2):
            lines.append(self._row(row, shown[row], columns, width))
        return filled(lines, height)

    def _row(self, row: int, one: Setting, columns: tuple[int, int, int], width: int) -> Line:
        under = self.cursor_style(_SETTINGS, row)
        key, value, origin = columns
        own = "accent" if one.differs else ""
        plain = "dim" if one.shown in ("null", '""', "[]", "{}") else ""
        spans = [
            ("●" if one.differs else " ", "accent"),
            (" " + fit(one.key, key), own),
            (" " + fit(one.shown, value), "accent strong" if one.differs else plain),
            (" " + fit(one.place(origin), origin), "dim" if one.from_shipped else own or "dim"),
        ]
        return pad([(text, f"{look} {under}".strip()) for text, look in spans], width, under)

    def _empty(self, width: int) -> list[Line]:
        problem = self.problems.get(self.owner)
        if problem:
            told: list[Line] = [
                [],
                [(" ✗ ", "bad"), (tr("This configuration cannot be used."), "strong")],
            ]
            told += [[(f"   {text}", "bad")] for text in wrap(problem, width - 4)]
            keys = (("v", tr("shows all problems")), ("E", tr("edits the file")))
            return [*told, [], *([("   ", ""), (k, "key"), (f"  {t}", "")] for k, t in keys)]
        if self.owner not in self.known:
            return [[], [(" " + tr("asking for the settings"), "dim")]]
        if self.filter:
            return [[], [(" " + tr("no setting fits the filter"), "dim")]]
        return [[], [(" " + tr("nothing differs from what is shipped"), "dim")]]

    def _doc_lines(self, width: int, height: int) -> list[Line]:
        chosen = self.selected()
        if chosen is None:
            return filled([], height)
        of_file = file_of(self.target_owner())
        if height < _DOC_LINES:
            return filled(short_lines(chosen, of_file, width), height)
        lines: list[Line] = [[(f" {clip(chosen.key, width - 2)}", "strong")]]
        lines += [[(f" {text}", "")] for text in wrap(chosen.doc, width - 2)]
        return filled([*lines, [], *fact_lines(chosen, of_file, width)], height)

    def place(self) -> str:
        """Where the cursor stands."""
        count = len(self.settings())
        at = min(self.lists[_SETTINGS].cursor + 1, count)
        return f"{self.owner}   {at}/{count}"

    # Acting

    def open(self) -> None:
        """All that is to say about a setting; from the list of flows, to their settings."""
        if self.focus == _OWNERS:
            self.give_focus(_SETTINGS)
            return
        chosen = self.selected()
        if chosen is not None:
            self.app.open_overlay(Page(self.app, chosen.key, self._page))

    def _page(self, width: int) -> list[Line]:
        chosen = self.selected()
        if chosen is None:
            return []
        facts = fact_lines(chosen, file_of(self.target_owner()), width)
        return [*([(text, "")] for text in wrap(chosen.doc, width)), [], *facts]

    def toggle_changed(self) -> None:
        """Only what differs, or everything."""
        self.only_changed = not self.only_changed
        self._find_key()

    def seek(self, step: int) -> None:
        """To the next setting that differs."""
        shown = self.settings()
        at = self.lists[_SETTINGS].cursor + step
        while 0 <= at < len(shown):
            if shown[at].differs:
                self.give_focus(_SETTINGS)
                self.lists[_SETTINGS].cursor = at
                self.moved()
                return
            at += step
        self.app.say(tr("no other setting differs"), "dim")

    def edit(self) -> None:
        """Edit the file that the selected setting belongs in."""
        chosen = self.selected()
        broken = _place_of(self.problems.get(self.owner, ""), self.app.workspace.configs)
        if broken is not None:
            # The settings of a flow come from several files: it is this one that is wrong.
            self.editor.edit(Target(broken[0], b"", broken[1]))
            return
        owner = self.target_owner()
        name = file_of(owner)
        path = self.app.workspace.configs / name
        new = template(owner, chosen.key if chosen else "", chosen.value if chosen else None)
        line = chosen.line if chosen is not None and chosen.file == str(path) else 0
        self.editor.edit(Target(name, new, line))

    def check(self) -> None:
        """Check all files of the workspace."""

        async def work() -> str:
            answer = await verbs.ask(self.app.workspace, "config", "check")
            found = answer.data if isinstance(answer.data, dict) else {}
            problems, notes = found.get("problems") or [], found.get("notes") or []
            if not found.get("ok") and not problems:
                raise EngineError(answer.problem)
            if problems or notes:
                content = partial(_checked, problems, notes)
                title = tr("The configuration as it is")
                self.app.open_overlay(Page(self.app, title, content, wide=True))
            self.ask()
            if problems:
                return tr("problems: {count}", count=len(problems))
            return tr("the configuration is fine")

        self.app.act("engine config check", work)

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a flow or a setting."""
        left, top = self._at
        if x < left:
            if 1 <= y <= len(OWNERS):
                self.lists[_OWNERS].cursor = y - 1
                self.give_focus(_OWNERS)
            return
        row = self.lists[_SETTINGS].row_at(y - top, len(self.settings()))
        if row is not None:
            self.lists[_SETTINGS].cursor = row
            self.give_focus(_SETTINGS)
            if double:
                self.open()

    # Copying, saving, memory

    def subject(self) -> dict[str, str]:
        """The file that E edits."""
        broken = _place_of(self.problems.get(self.owner, ""), self.app.workspace.configs)
        if broken is not None:
            return {"file": str(self.app.workspace.configs / broken[0])}
        return {"file": str(self.app.workspace.configs / file_of(self.target_owner()))}

    def yanks(self) -> list[tuple[str, str]]:
        """Key, value, place, commands."""
        chosen = self.selected()
        command = " ".join(("engine", *show_arguments(self.owner)))
        if chosen is None:
            return [("command", command)]
        place = f"{chosen.file}:{chosen.line}" if chosen.file else chosen.origin
        return [
            ("key", chosen.key),
            ("value", chosen.shown),
            ("place", place),
            ("setting", f"{chosen.key}={chosen.shown}"),
            ("command", command),
        ]

    def as_data(self) -> Any:
        """The settings that are shown."""
        rows = [
            {"key": one.key, "value": one.shown, "origin": one.origin, "differs": one.differs}
            for one in self.settings()
        ]
        return {"of": self.owner, "settings": rows}

    def remember(self) -> dict[str, Any]:
        """Whose settings, which one, and what is filtered."""
        return {
            "owner": self.owner,
            "key": self._key,
            "filter": self.filter,
            "only_changed": self.only_changed,
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Take that up again."""
        owner = memory.text(kept, "owner")
        self.lists[_OWNERS].cursor = OWNERS.index(owner) if owner in OWNERS else 0
        self._key = memory.text(kept, "key")
        self.filter = memory.text(kept, "filter")
        self.only_changed = kept.get("only_changed") is True


def _place_of(problem: str, configs: Path) -> tuple[str, int] | None:
    """The workspace's file and the line that a problem is about, if it says so."""
    places = (rf"{re.escape(str(configs / file_of(owner)))}:([0-9]+)" for owner in OWNERS)
    for owner, place in zip(OWNERS, places, strict=True):
        found = re.search(place, problem)
        if found is not None:
            return file_of(owner), int(found[1])
    return None


def _columns(width: int, shown: list[Setting]) -> tuple[int, int, int]:
    """Columns of key, value and origin: the key whole where there is room."""
    rest = width - 4
    longest = max((len(one.key) for one in shown), default=20)
    key = min(max(longest, 20), rest * 45 // 100)
    origin = 26 if rest - key >= 52 else 14
    return key, rest - key - origin, origin


def _checked(problems: list[Any], notes: list[Any], width: int) -> list[Line]:
    lines = problem_lines(problems, width)
    for note in notes:
        lines += [[("· ", "warn"), (text, "dim")] for text in wrap(note, width - 2)]
    return lines
