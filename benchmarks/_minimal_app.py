"""The smallest Textual application: what any other one cannot be faster than."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Minimal(App[None]):
    """One text."""

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static("minimal application")


if __name__ == "__main__":
    Minimal().run()
