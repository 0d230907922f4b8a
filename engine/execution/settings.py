"""Prefect settings of a run process that no environment variable can express."""

from __future__ import annotations

import os
import ssl
from contextlib import AbstractContextManager
from typing import Any

import httpx
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

# Waits 0.5, 1, 2 ... 32 s between attempts: a minute in all, longer than a server needs to restart.
_CONNECT_ATTEMPTS = 8


def run_settings() -> AbstractContextManager[Any]:
    """Settings for the duration of a run, as a context manager.

    The heartbeat thread of every flow and subflow is joined at its end, up to a second each; the
    death of a run process is seen without it.
    """
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


def client_settings() -> dict[str, Any]:
    """Settings of the HTTP client of a run: a server that restarts is waited for.

    Prefect retries what breaks in the middle, but gives up after 1.5 s when nobody listens.
    """
    tls = ssl.create_default_context(cafile=os.environ["PREFECT_API_SSL_CERT_FILE"])
    transport = httpx.HTTPTransport(verify=tls, retries=_CONNECT_ATTEMPTS, trust_env=False)
    return {"transport": transport}
