"""Copying through the terminal itself (OSC 52): over SSH, and through tmux and screen."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

# What common terminals accept at most; more is cut off by them in silence.
MOST_BYTES = 74_994


def sequence(text: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """What to write to the terminal so that it copies a text; None if that is too long."""
    data = text.encode(errors="replace")
    if len(data) > MOST_BYTES:
        return None
    plain = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    if environment.get("TMUX"):
        # tmux hands on what is wrapped, with its escape characters doubled. It also takes the
        # plain one where `set-clipboard` is on.
        return "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\" + plain
    if environment.get("TERM", "").startswith("screen"):
        return f"\x1bP{plain}\x1b\\"
    return plain
