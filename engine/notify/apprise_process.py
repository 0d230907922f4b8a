"""Sending one message by Apprise, in a process of its own.

It loads a hundred plugins and talks to anyone; the engine keeps that out of itself. The message
comes as JSON on the standard input; the exit status is 0 when it was delivered.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys

from engine.errors import ServerError

_SECONDS = 60.0


def send(url: str, title: str, body: str) -> None:
    """Send a message from a process of its own.

    Raises:
        ServerError: It was not delivered, with what Apprise said.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "engine.notify.apprise_process"],
            input=json.dumps({"url": url, "title": title, "body": body}),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServerError(f"it was not delivered within {_SECONDS:g} s") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ServerError(said[-1] if said else f"exit status {done.returncode}")


def main() -> int:
    """Send the message on the standard input."""
    import apprise

    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    message = json.load(sys.stdin)
    sender = apprise.Apprise()
    if not sender.add(message["url"]):
        sys.stderr.write("Apprise does not know this kind of address\n")
        return 1
    delivered = sender.notify(title=message["title"], body=message["body"])
    return 0 if delivered else 1


if __name__ == "__main__":
    sys.exit(main())
