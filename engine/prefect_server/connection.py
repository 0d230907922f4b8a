"""How a process finds the Prefect server: address and credentials, and the settings they imply."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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

    auth: str = field(repr=False)
    """`user:password`, generated once for every workspace; of a server elsewhere it may be an API
    key, or nothing when that server asks nobody who he is."""

    pid: int
    """Process number of the server; 0 of one that is not known, or elsewhere."""

    database: str = ""
    """Where its database is, without the password; "" for a file in its home."""

    is_own: bool = True
    """Whether it is the engine's own server, with the settings that the engine gave it."""

    @property
    def headers(self) -> dict[str, str]:
        """What a request must say besides a user name and a password."""
        is_key = self.auth and ":" not in self.auth
        return {"Authorization": f"Bearer {self.auth}"} if is_key else {}

    @property
    def user(self) -> tuple[str, str] | None:
        """User name and password, when these are what the server asks for."""
        name, colon, password = self.auth.partition(":")
        return (name, password) if colon else None

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """How TLS is to be verified; False of plain HTTP, which has no use for it."""
        # Reading the bundle of authorities takes 25 ms.
        return ssl.create_default_context(cafile=authorities()) if self.is_https else False

    @property
    def is_https(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.url.startswith("https:")

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


def connection_of_environment() -> Connection:
    """The connection that `client_environment` put into the environment of this process."""
    who = os.environ.get("PREFECT_API_AUTH_STRING") or os.environ.get("PREFECT_API_KEY", "")
    return Connection(os.environ["PREFECT_API_URL"], who, 0)


def client_environment(home: Path, connection: Connection) -> dict[str, str]:
    """Environment of a process that runs Prefect flows against a server.

    A user's own Prefect profile or variables must not leak into it: a run belongs to its workspace.
    """
    who = "PREFECT_API_KEY" if connection.headers else "PREFECT_API_AUTH_STRING"
    certificates = authorities() if connection.is_https else str(home / CERTIFICATES_FILE)
    return _clean_environment(home) | {
        "PREFECT_API_URL": connection.url,
        **({who: connection.auth} if connection.auth else {}),
        # The file of the run is the truth for logs; a second copy in the database costs writes.
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_CLIENT_MAX_RETRIES": "10",
        # Our server hands out no CSRF tokens; asking for one costs every client a request. So does
        # asking for its version, which the engine has looked at.
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false" if connection.is_own else "true",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "PREFECT_API_SSL_CERT_FILE": certificates,
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


def authorities() -> str:
    """File of the certificate authorities that this machine trusts: also those of a company."""
    system = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return system if system and Path(system).is_file() else certifi.where()


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
