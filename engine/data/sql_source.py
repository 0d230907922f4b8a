"""Database tables and queries, through any SQLAlchemy URL; nothing is ever written."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import os
import re
import sqlite3
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import exc

from engine.config.series_settings import DatasetSettings
from engine.data.columns import Columns
from engine.data.numbers import NumberStyle
from engine.data.problems import did_you_mean, shown
from engine.data.rows import LoadedRows, RowsBuilder
from engine.errors import ConfigError, DataError, NotFoundError

_BATCH_ROWS = 1 << 16
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_READING = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(select|with|values|table)\b", re.I | re.S)
_SECRET_KEYS = re.compile(r"pass|pwd|token|secret|key", re.IGNORECASE)


def load_sql(settings: DatasetSettings, *, root: Path) -> LoadedRows:
    """Read a table or the result of a query; rows count from 1 in the order of the result.

    Args:
        settings: With `url`, and `query` or `table`.
        root: The workspace, which a relative path in a SQLite URL starts from.

    Raises:
        ConfigError: An environment variable is not set, or the query is not a SELECT.
        NotFoundError: There is no such table or SQLite file.
        DataError: The database cannot be reached or read. No message holds a password.
    """
    columns = Columns.of(settings)
    target = _Target.of(settings, root)
    engine = target.engine()
    builder = RowsBuilder(
        columns,
        where=target.name,
        style=NumberStyle(settings.decimal, settings.thousands),
        date_format=settings.date_format,
        limit=settings.rules.max_errors_listed,
        max_rows=settings.max_rows,
    )
    digest = hashlib.sha256()
    try:
        with target.errors_for_people(), engine.connect() as connection:
            result = connection.execution_options(stream_results=True).execute(
                target.statement(connection, settings)
            )
            positions = columns.locate(list(result.keys()), target.name)
            for rows in result.partitions(_BATCH_ROWS):
                numbers = np.arange(builder.count + 1, builder.count + 1 + len(rows))
                batch = {}
                for name, at in positions.items():
                    cells = [row[at] for row in rows]
                    digest.update(repr([_stable(cell) for cell in cells]).encode())
                    batch[name] = _array(cells, is_number=name in columns.numbers)
                builder.add(batch, numbers)
            connection.rollback()
    finally:
        engine.dispose()
    frame, notes = builder.finish()
    return LoadedRows(
        frame=frame,
        source=target.name,
        format="sql",
        sha256=digest.hexdigest(),
        rows_read=builder.count,
        notes=notes,
    )


def expand_variables(url: str, environment: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Put environment variables in place of `${NAME}`.

    A value that fills a part of the URL is escaped, so a password may hold any character; one
    that is the whole URL is taken as it is.

    Args:
        url: `dataset.url`.
        environment: Usually `os.environ`.

    Returns:
        The URL, and the values that were put in: they must never be shown.

    Raises:
        ConfigError: A variable is not set.
    """
    secrets: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise ConfigError(
                f"the environment variable {name} is not set",
                where="dataset.url",
                fix=f"Set it where the engine is started, e.g. export {name}=...",
            )
        value = environment[name]
        secrets.append(value)
        if match.span() == (0, len(url)):
            return value
        secrets.append(urllib.parse.quote_plus(value))
        return urllib.parse.quote_plus(value)

    return _VARIABLE.sub(value_of, url), tuple(secret for secret in secrets if secret)


class _Target:
    """A database with its secrets, and what to call it in messages."""

    def __init__(self, url: sa.URL, secrets: Sequence[str], label: str) -> None:
        self.url = url
        hidden = {key: "***" for key in url.query if _SECRET_KEYS.search(key)}
        safe = url.update_query_dict(hidden).render_as_string(hide_password=True)
        self._secrets = [
            *secrets,
            *([str(url.password)] if url.password else []),
            *(str(url.query[key]) for key in hidden),
        ]
        self.name = f"{self.mask(urllib.parse.unquote(safe))} ({label})"

    @classmethod
    def of(cls, settings: DatasetSettings, root: Path) -> _Target:
        if settings.url is None:
            raise ConfigError("dataset.url is null", where="dataset.url", fix="Set it")
        if settings.query is not None and not _READING.match(settings.query):
            raise ConfigError(
                "the query does not begin with SELECT or WITH",
                where="dataset.query",
                fix="Only reading is allowed",
            )
        text, secrets = expand_variables(settings.url, os.environ)
        try:
            url = sa.make_url(text)
        except (exc.ArgumentError, ValueError):
            raise ConfigError(
                "this is not a database URL",
                where="dataset.url",
                fix="Write dialect://user:${PASSWORD}@host:port/database or sqlite:///file.db",
            ) from None
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            url = url.set(database=str(root / str(url.database)))
        label = "query" if settings.query is not None else f"table {settings.table}"
        return cls(url, secrets, label)

    def mask(self, text: str) -> str:
        """Text without any secret."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def engine(self) -> sa.Engine:
        """An engine that can only read, where the database lets us say so.

        Raises:
            NotFoundError: There is no such SQLite file; it would be created.
            DataError: The driver is not installed, or is asynchronous.
        """
        with self.errors_for_people():
            if self.url.get_backend_name() == "sqlite":
                return self._sqlite_engine()
            if self.url.get_dialect().is_async:
                raise DataError(
                    f"the driver {self.url.drivername} is asynchronous",
                    where=self.name,
                    fix="Name a synchronous driver, e.g. postgresql+psycopg",
                )
            engine = sa.create_engine(self.url)
            if engine.dialect.name == "postgresql":
                engine = engine.execution_options(postgresql_readonly=True)
            return engine

    def _sqlite_engine(self) -> sa.Engine:
        path = Path(str(self.url.database or ""))
        if not path.is_file():
            folder = path.parent
            entries = folder.iterdir() if self.url.database and folder.is_dir() else ()
            names = sorted(entry.name for entry in entries if entry.is_file())
            raise NotFoundError(
                "there is no such SQLite file",
                where=self.name,
                fix=f"{did_you_mean(path.name, names)} (dataset.url)",
            )
        uri = f"file:{urllib.parse.quote(str(path))}?mode=ro"
        return sa.create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(uri, uri=True),
            poolclass=sa.pool.NullPool,
        )

    def statement(self, connection: sa.Connection, settings: DatasetSettings) -> Any:
        """The query, or a SELECT of the needed columns of the table."""
        if settings.query is not None:
            # A colon in the text (a time, a cast) is no parameter.
            return sa.text(settings.query.strip().rstrip(";").replace(":", r"\:"))
        schema, _, name = str(settings.table).rpartition(".")
        inspector = sa.inspect(connection)
        names = [
            *inspector.get_table_names(schema or None),
            *inspector.get_view_names(schema or None),
        ]
        if name not in names:
            raise NotFoundError(
                f"there is no table {shown(settings.table)}",
                where=self.name,
                fix=f"{did_you_mean(name, names)} (dataset.table)",
            )
        found = [str(column["name"]) for column in inspector.get_columns(name, schema or None)]
        columns = Columns.of(settings)
        columns.locate(found, self.name)
        table = sa.table(name, *(sa.column(column) for column in found), schema=schema or None)
        return sa.select(*(table.c[column] for column in columns.needed))

    @contextmanager
    def errors_for_people(self) -> Iterator[None]:
        """Turn errors of the database into ours, without secrets."""
        # `from None`: a traceback of the original would show what the message hides.
        try:
            yield
        except exc.NoSuchModuleError:
            raise DataError(
                f"SQLAlchemy knows no dialect {self.url.drivername}",
                where=self.name,
                fix="Correct dataset.url, or install the package that brings the dialect",
            ) from None
        except ModuleNotFoundError as error:
            raise DataError(
                f"the driver {error.name} is not installed",
                where=self.name,
                fix="Install the database driver into the environment of the engine",
            ) from None
        except exc.DBAPIError as error:
            raise DataError(
                f"the database says: {self.mask(str(error.orig))}",
                where=self.name,
                fix="Check dataset.url, dataset.query and the rights of the user",
            ) from None
        except exc.SQLAlchemyError as error:
            raise DataError(
                f"the database cannot be read: {self.mask(str(error))}",
                where=self.name,
                fix="Check dataset.url and dataset.query",
            ) from None


def _stable(cell: object) -> object:
    """A value whose repr is the same with every driver version."""
    if isinstance(cell, dt.date | dt.time | decimal.Decimal):
        return str(cell)
    return cell


def _array(cells: Sequence[object], *, is_number: bool) -> Any:
    """An Arrow array: float64 where every cell is a number, else text, which is read strictly."""
    given = [cell for cell in cells if isinstance(cell, int | float | decimal.Decimal)]
    if is_number and len(given) == sum(cell is not None for cell in cells):
        floats = iter(given)
        values = [None if cell is None else float(next(floats)) for cell in cells]
        return pa.array(values, pa.float64())
    return pa.array([_as_text(cell) for cell in cells], pa.string())


def _as_text(cell: object) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, bytes | memoryview):
        return f"<{len(bytes(cell))} bytes>"
    return str(cell)
