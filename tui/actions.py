"""Everything that can be done, as one table.

Dispatch, footer, help, palette, the keymap file and the documentation are all made from it. An
action is performed by the method `do_<name>` of what lies on top: the open overlay, else the
screen, else the application, where `<name>` is its id with "-" read as "_". Where several screens
share one (`open`, `cancel`), it is one action, and each screen gives it its own meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SCREENS = (
    "pulse",
    "runs",
    "run",
    "logs",
    "flows",
    "models",
    "predict",
    "data",
    "system",
)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done.

    Attributes:
        id: Its name in the keymap file, in `:` and in the method that performs it.
        keys: Key sequences, such as "j", "ctrl+d" or "g g".
        title: What it is called, in English; a key of the translations.
        section: Where the help lists it.
        screens: Where it can be done; () everywhere.
        command: The `engine` command that does the same, with {fields} of what is selected.
        changes: Whether it changes something: refused when the terminal only reads.
        footer: The higher, the sooner the footer shows it; 0: never.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    section: str
    screens: tuple[str, ...] = ()
    command: str = ""
    changes: bool = False
    footer: int = 0

    @property
    def method(self) -> str:
        """The method that performs it."""
        return "do_" + self.id.replace("-", "_")

    def is_possible_on(self, screen: str) -> bool:
        """Whether it belongs to a screen."""
        return not self.screens or screen in self.screens


def _screens() -> list[Action]:
    titles = ("Pulse", "Runs", "Run", "Logs", "Flows", "Models", "Predict", "Data", "System")
    jumps = ("p", "r", "t", "l", "f", "m", "y", "d", "s")
    return [
        Action(f"show-{name}", (str(number), f"g {jump}"), title, "Screens")
        for number, (name, title, jump) in enumerate(zip(SCREENS, titles, jumps, strict=True), 1)
    ]


_LISTS = ("pulse", "runs", "run", "logs", "models", "predict", "data")
_RUNS = ("pulse", "runs", "run", "logs")

ACTIONS: tuple[Action, ...] = (
    *_screens(),
    # Moving
    Action("down", ("j", "down"), "Down", "Moving"),
    Action("up", ("k", "up"), "Up", "Moving"),
    Action("left", ("h", "left"), "Left", "Moving"),
    Action("right", ("l", "right"), "Right", "Moving"),
    Action("top", ("g g", "home"), "To the top", "Moving"),
    Action("bottom", ("G", "end"), "To the bottom", "Moving"),
    Action("half-down", ("ctrl+d", "pagedown"), "Half a page down", "Moving"),
    Action("half-up", ("ctrl+u", "pageup"), "Half a page up", "Moving"),
    Action("open", ("enter",), "Open", "Moving", footer=90),
    Action("back", ("escape",), "Back", "Moving"),
    Action("next-pane", ("tab",), "Next pane", "Moving"),
    Action("previous-pane", ("shift+tab",), "Previous pane", "Moving"),
    Action("next-tab", ("]",), "Next tab", "Moving", footer=78),
    Action("previous-tab", ("[",), "Previous tab", "Moving"),
    Action("last-screen", ("-",), "Last screen", "Moving"),
    # Finding
    Action("filter", ("/",), "Filter", "Finding", (*_LISTS, "flows"), footer=80),
    Action("next-match", ("n",), "Next match", "Finding", _LISTS),
    Action("previous-match", ("N",), "Previous match", "Finding", _LISTS),
    Action("command", (":",), "Command line", "Finding", footer=10),
    Action("palette", ("ctrl+p",), "All actions", "Finding", footer=20),
    Action("help", ("?",), "Help", "Finding", footer=100),
    # Runs
    Action("run", ("r",), "Run a flow", "Runs", command="engine run {flow}", changes=True,
           footer=70),
    Action("rerun", ("R",), "Run again, edited", "Runs", _RUNS,
           command="engine rerun {run} --set ...", changes=True, footer=60),
    Action("retry", ("ctrl+r",), "Run again as it was", "Runs", _RUNS,
           command="engine retry {run}", changes=True),
    Action("cancel", ("x",), "Cancel", "Runs", _RUNS, command="engine cancel {run}",
           changes=True, footer=65),
    Action("kill", ("X",), "Cancel by force", "Runs", _RUNS,
           command="engine cancel {run} --now", changes=True),
    Action("delete", ("D",), "Delete", "Runs", ("runs", "models"),
           command="engine delete {run}", changes=True),
    Action("mark", ("space",), "Mark", "Runs", ("runs", "logs", "models", "flows")),
    Action("unmark-all", ("ctrl+space",), "Unmark all", "Runs", ("runs", "logs", "models")),
    Action("compare", ("c",), "Compare the marked", "Runs", ("runs", "models"), footer=40),
    Action("log", ("L",), "Log of the run", "Runs", ("pulse", "runs", "run"),
           command="engine logs {run}", footer=35),
    # Timeline
    Action("zoom-in", ("z",), "Zoom in", "Timeline", ("pulse", "runs", "run"), footer=68),
    Action("zoom-out", ("Z",), "Zoom out", "Timeline", ("pulse", "runs", "run")),
    Action("pan-left", ("<",), "Earlier", "Timeline", ("pulse", "runs", "run")),
    Action("pan-right", (">",), "Later", "Timeline", ("pulse", "runs", "run")),
    Action("zoom-all", ("0",), "All of it", "Timeline", ("pulse", "runs", "run")),
    Action("fold", ("o",), "Fold or unfold", "Timeline", ("run",)),
    Action("ghost", ("b",), "Beside the run before", "Timeline", ("run",)),
    Action("critical", ("p",), "Critical path", "Timeline", ("run",)),
    # Logs
    Action("follow", ("f",), "Follow", "Logs", ("run", "logs"), command="engine logs -f {run}",
           footer=75),
    Action("wrap", ("w",), "Wrap lines", "Logs", ("run", "logs")),
    Action("first-error", ("e",), "First error", "Logs", ("run", "logs"), footer=74),
    Action("all-logs", ("a",), "All runs, or one", "Logs", ("logs",), footer=73),
    Action("which-runs", ("v",), "Which runs are shown", "Logs", ("logs",), footer=55),
    Action("hide-run", ("H",), "Hide the run", "Logs", ("logs",)),
    # Flows
    Action("launch", ("ctrl+l",), "Launch", "Flows", ("flows",), command="engine run {flow} ...",
           changes=True, footer=99),
    Action("dry-run", ("d",), "Dry run", "Flows", ("flows",),
           command="engine run {flow} --dry-run ...", footer=85),
    Action("reset-field", ("backspace",), "Back to the default", "Flows", ("flows",), footer=50),
    Action("last-values", ("v",), "Values of the last run", "Flows", ("flows",), footer=45),
    Action("pause-schedule", ("P",), "Pause or resume the schedule", "Flows", ("flows", "system"),
           command="engine schedule pause {schedule}", changes=True),
    # Models
    Action("promote", ("p",), "Promote", "Models", ("models",),
           command="engine models promote {version}", changes=True, footer=72),
    Action("rollback", ("B",), "Roll back", "Models", ("models", "pulse"),
           command="engine models rollback", changes=True, footer=71),
    Action("verify", ("v",), "Verify the files", "Models", ("models",),
           command="engine models verify {version}"),
    Action("sort", ("o",), "Sort by the next column", "Models", ("models",), footer=38),
    Action("turn-around", ("O",), "The other way round", "Models", ("models",)),
    # Predict
    Action("paste", ("p",), "Type or paste values", "Predict", ("predict",),
           command="engine predict --values {values}", footer=72),
    Action("steps", ("s",), "Days ahead", "Predict", ("predict",), footer=66),
    Action("version", ("v",), "Another version", "Predict", ("predict",),
           command="engine predict --version {version}", footer=55),
    Action("level", ("i",), "Level of the interval", "Predict", ("predict",), footer=60),
    Action("explain", ("e",), "Explain", "Predict", ("predict",),
           command="engine predict --series {series} --explain", footer=74),
    Action("stock", ("o",), "Stock and orders", "Predict", ("predict",),
           command="engine predict --series {series} --on-hand QUANTITY --lead-time DAYS",
           footer=73),
    # Data and configuration
    Action("edit", ("E",), "Edit in your editor", "Configuration", ("data",),
           command="$EDITOR {file}", changes=True, footer=72),
    Action("only-changed", ("d",), "Only what differs", "Configuration", ("data",), footer=50),
    Action("check", ("v",), "Check the configuration", "Configuration", ("data",),
           command="engine config check"),
    Action("drift-now", ("D",), "Look for drift", "Configuration", ("data",),
           command="engine drift", footer=73),
    Action("drift-pictures", ("p",), "Later pictures", "Configuration", ("data",),
           command="engine data drift FOLDER", footer=71),
    # System
    Action("engine-up", ("U",), "Start the engine", "System", command="engine up", changes=True),
    Action("engine-restart", ("ctrl+e",), "Restart the engine", "System", ("system",),
           command="engine restart", changes=True, footer=40),
    Action("doctor", ("d",), "Examine again", "System", ("system",), command="engine doctor",
           footer=60),
    # The terminal itself
    Action("undo", ("u",), "Undo", "Terminal", changes=True),
    Action("yank", ("y",), "Copy ...", "Terminal", footer=15),
    Action("save-view", ("s",), "Save what is seen", "Terminal",
           tuple(name for name in SCREENS if name not in ("predict",))),
    Action("save-all", ("S",), "Save all of it", "Terminal"),
    Action("time-mode", ("t",), "Times: ago, clock, date", "Terminal"),
    Action("command-log", ("!",), "Commands so far", "Terminal"),
    Action("refresh", ("ctrl+g",), "Ask again", "Terminal"),
    Action("theme", ("T",), "Next theme", "Terminal"),
    Action("language", ("ctrl+k",), "English or Korean", "Terminal"),
    Action("redraw", ("ctrl+z",), "Draw the screen anew", "Terminal"),
    Action("quit", ("q", "ctrl+c"), "Quit; runs go on", "Terminal", footer=5),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}


def possible_on(screen: str) -> list[Action]:
    """The actions of a screen, in the order of the table."""
    return [action for action in ACTIONS if action.is_possible_on(screen)]


def sections(actions: Sequence[Action]) -> dict[str, list[Action]]:
    """Actions by the section in which the help lists them."""
    found: dict[str, list[Action]] = {}
    for action in actions:
        found.setdefault(action.section, []).append(action)
    return found
