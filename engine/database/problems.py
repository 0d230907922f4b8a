"""What keeps a PostgreSQL database from being used, as sentences that say what to do."""

from __future__ import annotations

import ssl

from engine.database.address import DatabaseAddress
from engine.errors import ServerError

OLDEST_VERSION = 14
"""The oldest major version that Prefect supports."""

_WRONG_PASSWORD = frozenset({"28P01"})
_NOT_LET_IN = frozenset({"28000"})
_NO_DATABASE = frozenset({"3D000"})
_NOT_ALLOWED = frozenset({"42501"})
_FULL = frozenset({"53100", "53200", "53300", "53400"})
_NOT_UP = frozenset({"57P01", "57P02", "57P03"})


class DatabaseError(ServerError):
    """A database that cannot be used; only its owner can change that, so it is tried for ever."""


def explain(address: DatabaseAddress, error: BaseException) -> DatabaseError:
    """Say what is wrong with a database.

    Args:
        address: Where it is; the message shows it without its password.
        error: What the driver raised: an error of PostgreSQL with its code, or of the network.
    """
    code = str(getattr(error, "sqlstate", "") or "")
    reason = " ".join(str(error).split()) or type(error).__name__
    what, fix = _of_code(address, code, reason) or _of_network(address, error, reason)
    return DatabaseError(what, where=address.masked, fix=fix)


def too_old(address: DatabaseAddress, version: str) -> DatabaseError:
    """Say that the server is older than what Prefect works with."""
    return DatabaseError(
        f"the PostgreSQL server is version {version}, too old for Prefect",
        where=address.masked,
        fix=f"Use version {OLDEST_VERSION} or newer",
    )


def too_new(address: DatabaseAddress, program: str, revision: str) -> DatabaseError:
    """Say that a newer program made the tables."""
    return DatabaseError(
        f"the tables of {program} were made by a newer version of it (revision {revision})",
        where=address.masked,
        fix=f"Install that version of {program} here too, or use another database",
    )


def _of_code(address: DatabaseAddress, code: str, reason: str) -> tuple[str, str] | None:
    user, database = address.user, address.database
    if code in _WRONG_PASSWORD:
        return (
            f"the database refuses the password of {user}",
            "Correct it in secrets.env; the engine tries again by itself",
        )
    if code in _NOT_LET_IN:
        return (
            f"the database does not let {user} in: {reason}",
            f"Make the role (createuser --pwprompt {user}), or let it in from this machine "
            "(pg_hba.conf)",
        )
    if code in _NO_DATABASE:
        return (
            f"there is no database {database}",
            f"Make it: createdb --owner={user} {database}",
        )
    if code in _NOT_ALLOWED:
        return (
            f"{user} may not do what is needed: {reason}",
            f"As the owner of the database: GRANT CREATE ON DATABASE {database} TO {user}",
        )
    if code in _FULL:
        return (
            f"the database has no room left: {reason}",
            "Free some space on its server, or allow more (max_connections); the engine tries "
            "again by itself",
        )
    if code in _NOT_UP:
        return f"the database is not up: {reason}", "The engine tries again by itself"
    return (f"the database refuses: {reason}", "See its log") if code else None


def _of_network(address: DatabaseAddress, error: BaseException, reason: str) -> tuple[str, str]:
    if isinstance(error, ssl.SSLError) or "SSL" in reason:
        return (
            f"no encrypted connection to the database: {reason}",
            "Check sslmode and sslrootcert in database.url, and ssl in its postgresql.conf",
        )
    if isinstance(error, TimeoutError):
        reason = "no answer"
    return (
        f"the database cannot be reached: {reason}",
        "Start it, or correct database.url in engine.yaml; the engine tries again by itself",
    )
