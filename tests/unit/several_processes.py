"""Several real processes that do the same thing at the same moment."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack


def at_once(code: str, arguments: list[list[str]]) -> list[str]:
    """Run `code` in a process for each list of arguments; return what each one printed.

    The code calls `wait_for_start()` when it has made its imports, so that all go on together.
    """
    prelude = (
        "import sys\n"
        "def wait_for_start():\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", prelude + code, *given],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
            for given in arguments
        ]
        for process in processes:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first == "ready\n", first + process.stdout.read()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return [process.communicate()[0] for process in processes]
