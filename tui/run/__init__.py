"""The parts of the screen of one run: its head, its timeline, and the tabs beside it."""
