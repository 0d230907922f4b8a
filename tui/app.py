"""The `mlops-tui` command."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence

from engine.workspace import ENVIRONMENT_VARIABLE, Workspace

_DESCRIPTION = """\
The control center: launches, timelines, logs, models, forecasts, data and health on one
keyboard-driven screen. It owns nothing: leaving it, or losing the connection, changes no run.
"""
_EPILOG = """\
Inside, ? explains the screen that is seen, ctrl+p lists everything that can be done, q leaves.
Where there is no full-screen terminal (TERM=dumb, a pipe), it prints what `engine status` and
`engine runs` print. Keys are changed in WORKSPACE/configs/keymap.yaml.
"""
# Key presses are painted when the next frame is due; the terminal waits for nothing else.
_FRAMES_A_SECOND = "250"


def main() -> int:
    """Run the terminal until it is left; returns the exit status."""
    arguments = _parser().parse_args()
    workspace = Workspace.locate(arguments.workspace)
    if not _has_screen():
        return _without_screen(workspace)
    os.environ.setdefault("TEXTUAL_FPS", _FRAMES_A_SECOND)
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    # Thousands of modules' objects are made now and kept: looking for garbage among them would cost
    # a tenth of the time until something is seen. `ControlCenter` turns it on again.
    gc.disable()
    # Imported late: `--help` and a pipe need no full-screen library.
    from engine.errors import EngineError
    from tui.control_center import ControlCenter

    try:
        workspace.create()
    except EngineError as error:
        sys.stderr.write(f"error: {error}\n")
        return 7
    app = ControlCenter(
        workspace,
        read_only=arguments.read_only,
        autostart=not arguments.no_start,
        theme_name=arguments.theme,
        chosen_language=arguments.language,
        ascii=arguments.ascii or not _is_unicode(),
    )
    app.run()
    return app.return_code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mlops-tui",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--workspace",
        metavar="FOLDER",
        help=f"folder of all state (default: ${ENVIRONMENT_VARIABLE}, or the XDG data folder)",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="refuse whatever changes something"
    )
    parser.add_argument("--no-start", action="store_true", help="do not start an engine")
    themes = ("dark", "light", "colour-blind", "terminal")
    parser.add_argument("--theme", choices=themes, help="look (default: that of last time)")
    parser.add_argument("--language", choices=("en", "ko"), help="default: last time's, or LANG")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that takes as long as a frame."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        """Print it and leave."""
        from importlib.metadata import version

        sys.stdout.write(f"mlops-tui {version('mlops-tui')}\n")
        parser.exit()


def _has_screen() -> bool:
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    served = "TEXTUAL_DRIVER" in os.environ
    return served or (is_terminal and os.environ.get("TERM", "dumb") not in ("dumb", ""))


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "ascii").lower().replace("-", "").startswith("utf")


def _without_screen(workspace: Workspace) -> int:
    """Print what can be told without a screen, by the commands that do."""
    import subprocess

    environment = {**os.environ, ENVIRONMENT_VARIABLE: str(workspace.root)}
    for command in ("status", "runs"):
        # -P: what lies in the folder it stands in is no Python code of ours.
        program = [sys.executable, "-P", "-m", "engine", command]
        status = subprocess.run(program, env=environment, check=False).returncode
        if status:
            return status
    return 0
