"""The border between errors and exit codes: every command runs inside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from engine.cli.diagnostics import report_error, report_status
from engine.cli.exit_codes import ExitCode, code_of_error
from engine.cli.options import CommandLine
from engine.cli.output import write_json
from engine.errors import EngineError

_COMPLETION_VARIABLE = "_ENGINE_COMPLETE"


def run_guarded(command: click.Command, arguments: Sequence[str]) -> int:
    """Run a command line and turn whatever ends it into an exit code.

    Args:
        command: The root command.
        arguments: What the user typed after its name.
    """
    if _COMPLETION_VARIABLE in os.environ:
        # A shell asks for completions; Click answers and ends the process.
        command.main(prog_name="engine", complete_var=_COMPLETION_VARIABLE)
    try:
        return _run(command, arguments)
    except BrokenPipeError:
        return _reader_left()


def _run(command: click.Command, arguments: Sequence[str]) -> int:
    shared = CommandLine()
    try:
        # Not command.main(), which turns a reader that went away into exit status 1.
        with command.make_context("engine", list(arguments), obj=shared) as context:
            answer: Any = command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        report_status("cancelled")
        return ExitCode.CANCELLED
    except click.ClickException as error:
        # A command line that cannot be parsed was perhaps left before its --json was seen.
        return _refused(error, as_json=shared.json or "--json" in arguments)
    except EngineError as error:
        code = code_of_error(error)
        if shared.json:
            write_json({"error": error.to_dict(), "exit_code": int(code)})
        else:
            report_error(error)
        return code
    return int(answer) if isinstance(answer, int) else ExitCode.OK


def _reader_left() -> int:
    # The reader went away (`engine runs | head`): nothing is wrong, and nothing more can be
    # written, not even by the interpreter's own flush at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.OK


def _refused(error: click.ClickException, *, as_json: bool) -> int:
    if as_json:
        data = {"kind": "UsageError", "message": error.format_message()}
        write_json({"error": data, "exit_code": int(ExitCode.USAGE)})
    else:
        error.show(file=sys.stderr)
    return ExitCode.USAGE
