"""How a process finds the embedded server: address and credentials, and the settings they imply."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import certifi

from engine.atomic import write_bytes, write_json
from engine.database.address import DatabaseAddress

CONNECTION_FILE = "server.json"
CLIENTS_LOCK = "clients.lock"
SERVER_LOCK = "server.lock"
SERVER_LOG = "server.log"
CERTIFICATES_FILE = "authorities.pem"

DATABASE_UNUSABLE = 69
"""Exit status of a server whose database cannot be used; the last error in its log says why."""

DATABASE_VARIABLE = "MLOPS_DATABASE"
"""Variable in which the server process gets the address of its database, with the password."""


@dataclass(frozen=True)
class Connection:
    """Address and credentials of a running server."""

    url: str
    """Base address of the API, with `/api`."""

    auth: str
    """`user:password`, generated once for every workspace."""

    pid: int
    """Process number of the server."""

    database: str = ""
    """Where its database is, without the password; "" for a file in its home."""

    @classmethod
    def read(cls, home: Path) -> Connection | None:
        """Return the connection that the server of this home published, if there is one."""
        try:
            return cls(**json.loads((home / CONNECTION_FILE).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def publish(self, home: Path) -> None:
        """Write the connection for clients of the same user (mode 0600)."""
        write_json(home / CONNECTION_FILE, asdict(self))


def client_environment(home: Path, connection: Connection) -> dict[str, str]:
    """Environment of a process that runs Prefect flows against the embedded server.

    A user's own Prefect profile or variables must not leak into it: a run belongs to its workspace.
    """
    return _clean_environment(home) | {
        "PREFECT_API_URL": connection.url,
        "PREFECT_API_AUTH_STRING": connection.auth,
        # The file of the run is the truth for logs; a second copy in the database costs writes.
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_CLIENT_MAX_RETRIES": "10",
        # Our server hands out no CSRF tokens; asking for one costs every client a request. So does
        # asking for its version, which is that of this very installation.
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "PREFECT_API_SSL_CERT_FILE": str(home / CERTIFICATES_FILE),
    }


def server_environment(
    home: Path, auth: str, database: DatabaseAddress | None = None
) -> dict[str, str]:
    """Environment of the server process itself.

    Args:
        home: Its home.
        auth: `user:password` that it asks of its clients.
        database: Where its tables are; None for SQLite in its home.
    """
    environment = _clean_environment(home) | _database_environment(home, database)
    return environment | {
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "http://127.0.0.1",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # Whole batches once a second: one commit for many task rows instead of one each. The server
        # cuts the interval to whole seconds, and less than one would make it spin.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        # Work of deployments, schedules and pauses, none of which the embedded server holds.
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
        # Events are passed on to who listens; nobody reads them from the database afterwards.
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    }


def _database_environment(home: Path, database: DatabaseAddress | None) -> dict[str, str]:
    if database is None:
        path = (home / "prefect.db").as_posix()
        return {"PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{path}"}
    return database.tls_environment | {
        DATABASE_VARIABLE: database.dsn,
        "PREFECT_API_DATABASE_CONNECTION_URL": database.prefect_url,
    }


def write_short_certificates(home: Path) -> None:
    """Write a file with one public certificate authority, for clients that speak plain HTTP anyway.

    A Prefect client makes a TLS context whatever the address. Parsing the usual bundle of some 140
    authorities for it takes 45 to 60 ms, six times in one full_flow.
    """
    path = home / CERTIFICATES_FILE
    if not path.exists():
        bundle = Path(certifi.where()).read_text(encoding="ascii")
        begin, end = bundle.index("-----BEGIN CERTIFICATE-----"), "-----END CERTIFICATE-----\n"
        write_bytes(path, bundle[begin : bundle.index(end) + len(end)].encode())


def _clean_environment(home: Path, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    source = os.environ if inherited is None else inherited
    kept = {key: value for key, value in source.items() if not key.startswith("PREFECT_")}
    return kept | {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }
