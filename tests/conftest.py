"""What every test stands on."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of what is tested.
settings.register_profile("mlops-tui", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mlops-tui")

# A shell starts background jobs with Ctrl-C ignored, and processes inherit that. The tests send it
# to processes of their own, so that they must begin with the usual handling.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Address of an S3 server in a process of its own."""
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if address := re.search(r"http://127\.0\.0\.1:\d+", line):
            yield address[0]
            break
    else:
        raise AssertionError(f"the S3 server did not start: {said}")
    process.terminate()
    process.communicate()
