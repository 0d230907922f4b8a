"""What every test stands on."""

from __future__ import annotations

import signal

# A shell starts background jobs with Ctrl-C ignored, and processes inherit that. The tests send it
# to processes of their own, so that they must begin with the usual handling.
signal.signal(signal.SIGINT, signal.default_int_handler)
