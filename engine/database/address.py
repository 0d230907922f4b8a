"""The address of a PostgreSQL database, as engine.yaml has it and as each program wants it.

Prefect speaks to it through asyncpg, MLflow through psycopg2, pg_dump through libpq: the same
address, spelled in three ways. A password goes into an environment or a URL that is handed over in
memory, never into a command line, a log or a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from engine.errors import ConfigError
from engine.masking import MASK
from engine.secrets_file import expand, read_secrets, values_of

PREFECT_SCHEMA = "prefect"
"""Where Prefect's tables lie in the database."""

EXTENSION_SCHEMA = "prefect_extensions"
"""Where the extension lies that Prefect's indexes need: a schema with it could not be put aside."""

MLFLOW_SCHEMA = "mlflow"
"""Where MLflow's tables lie: both have an `alembic_version`, and would take it for theirs."""

_SCHEMES = frozenset({"postgresql", "postgres"})
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES = ("sslrootcert", "sslcert", "sslkey")
_OPTIONS = ("host", "sslmode", *_FILES)
_PORT = 5432
_PATIENCE_SECONDS = 5
_NOT_ONE = "this is not the URL of a PostgreSQL database"
_FORM = "postgresql://user:${DB_PASSWORD}@host:5432/database"


@dataclass(frozen=True)
class DatabaseAddress:
    """Where a database is, and who may use it.

    Attributes:
        host: Name, address, or the folder of a Unix socket.
        port: TCP port.
        user: Role of the database.
        database: Its name.
        sslmode: That of libpq; "" for what the drivers do by themselves.
        files: sslrootcert, sslcert and sslkey to their paths, as far as they are given.
    """

    host: str
    port: int
    user: str
    database: str
    password: str = field(default="", repr=False)
    sslmode: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def masked(self) -> str:
        """The address for people, without the password."""
        return self._url("postgresql", MASK if self.password else "")

    @property
    def dsn(self) -> str:
        """The whole address as libpq has it; it holds the password."""
        return self._url("postgresql", self.password, {**self._query("sslmode"), **self.files})

    @property
    def prefect_url(self) -> str:
        """The address as Prefect wants it; `tls_environment` has what such a URL cannot say."""
        return self._url("postgresql+asyncpg", self.password, self._query("ssl"))

    @property
    def mlflow_url(self) -> str:
        """The address as MLflow wants it, with a schema of its own; it holds the password."""
        more = {
            **self._query("sslmode"),
            **self.files,
            "connect_timeout": str(_PATIENCE_SECONDS),
            "options": f"-csearch_path={MLFLOW_SCHEMA}",
        }
        return self._url("postgresql+psycopg2", self.password, more)

    @property
    def libpq_environment(self) -> dict[str, str]:
        """Variables from which programs of PostgreSQL know where to connect, and as whom."""
        values = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.database,
            "PGPASSWORD": self.password,
            "PGCONNECT_TIMEOUT": str(_PATIENCE_SECONDS),
        } | self.tls_environment
        return {name: value for name, value in values.items() if value}

    @property
    def tls_environment(self) -> dict[str, str]:
        """The part of it that says how the connection is encrypted; asyncpg reads it too."""
        values = {f"PG{name.upper()}": path for name, path in self.files.items()}
        return values | ({"PGSSLMODE": self.sslmode} if self.sslmode else {})

    def _query(self, ssl_name: str) -> dict[str, str]:
        socket = {"host": self.host} if self.host.startswith("/") else {}
        return socket | ({ssl_name: self.sslmode} if self.sslmode else {})

    def _url(self, scheme: str, password: str, query: Mapping[str, str] | None = None) -> str:
        secret = f":{quote(password, safe='*')}" if password else ""
        host = "" if self.host.startswith("/") else self.host
        place = f"[{host}]" if ":" in host else host
        shown = self._query("sslmode") if query is None else query
        # A blank is %20 to every driver, and a plus to some.
        options = f"?{urlencode(shown, safe='/', quote_via=quote)}" if shown else ""
        name = quote(self.database, safe="")
        return f"{scheme}://{quote(self.user, safe='')}{secret}@{place}:{self.port}/{name}{options}"


def parse_address(url: str, values: Mapping[str, str] | None = None) -> DatabaseAddress:
    """Take a URL apart.

    Args:
        url: `postgresql://user:${PASSWORD}@host:port/database?sslmode=require`.
        values: What each `${NAME}` in it stands for; a password is taken as it is, also with
            characters that a URL cannot hold. None leaves the names as they are.

    Raises:
        ConfigError: It cannot be used. The message never repeats the URL.
    """
    known = values or {}
    text = expand(url, known) if url.startswith("${") and values is not None else url
    try:
        parts = urlsplit(text)
        port = parts.port or _PORT
    except ValueError:
        raise _refused(_NOT_ONE) from None
    if parts.scheme not in _SCHEMES or parts.fragment:
        raise _refused(_NOT_ONE)

    def part(piece: str | None) -> str:
        decoded = unquote(piece or "")
        return expand(decoded, known) if values is not None and text is url else decoded

    options = _options(parts.query)
    options = {name: part(value) for name, value in options.items()}
    host = options.pop("host", "") or part(_host(parts.netloc))
    address = DatabaseAddress(
        host=host,
        port=port,
        user=part(parts.username),
        database=part(parts.path.removeprefix("/")),
        password=part(parts.password),
        sslmode=options.pop("sslmode", ""),
        files=options,
    )
    missing = [name for name in ("host", "user", "database") if not getattr(address, name)]
    if missing:
        raise _refused(f"the URL names no {' and no '.join(missing)}")
    return address


def _host(netloc: str) -> str:
    """The host as it is written: urllib would look up a name in braces in small letters."""
    place = netloc.rpartition("@")[2]
    return place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in options.items():
        if name in {"password", "passwd", "user"}:
            raise _refused(f"{name} stands before the @, not after the question mark")
        if name not in _OPTIONS:
            raise _refused(f"{name} cannot be set here; allowed: {', '.join(_OPTIONS)}")
        if name == "sslmode" and value not in _SSL_MODES:
            raise _refused(f"sslmode is one of {', '.join(_SSL_MODES)}")
        if name in _FILES and not value.startswith("/"):
            raise _refused(f"{name} is the whole path of a file")
        if name == "host" and not value.startswith("/"):
            raise _refused("host, after the question mark, is the folder of a Unix socket")
    return options


def _refused(what: str) -> ConfigError:
    return ConfigError(what, fix=f"Write {_FORM}")


def read_address(url: str, secrets: Path) -> DatabaseAddress | None:
    """The address that `database.url` names, with its secrets put in; None when it is empty.

    Raises:
        ConfigError: The URL or the file of secrets cannot be used, or a name stands for nothing.
    """
    if not url:
        return None
    try:
        return parse_address(url, values_of(url, read_secrets(secrets)))
    except ConfigError as error:
        where = error.where or "engine.yaml: database.url"
        raise ConfigError(error.what, where=where, fix=error.fix) from error


def missing_driver() -> ConfigError | None:
    """Why MLflow cannot speak to PostgreSQL: it needs a driver that not everybody installs.

    Prefect brings its own, so that runs do without.
    """
    if find_spec("psycopg2") is not None:
        return None
    return ConfigError(
        "MLflow cannot use PostgreSQL without the driver psycopg2",
        where="engine.yaml: database.url",
        fix="pip install 'mlops-tui[postgres]'",
    )
