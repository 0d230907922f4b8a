"""The `mlops-tui` command."""

from __future__ import annotations

import sys

_MESSAGE = """\
mlops-tui, the control center for SSH sessions, is being built: launches, timelines, logs, models,
forecasts and drift on one keyboard-driven screen.

Everything it will show can be done today without a screen:

  engine run full_flow     train, evaluate, deploy
  engine runs              what ran
  engine predict           forecast with the deployed model
  engine --help            all commands
"""


def main() -> int:
    """Say what is coming and what there is."""
    sys.stdout.write(_MESSAGE)
    return 0
