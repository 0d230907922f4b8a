"""Secrets that runs need, kept in the workspace: `secrets.env`, one NAME=VALUE a line, mode 0600.

An engine that outlives its terminal does not see what is exported in a later one, and a schedule
has no terminal at all: what `${NAME}` in a configuration stands for is read from here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from engine.errors import ConfigError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def read_secrets(path: Path) -> dict[str, str]:
    """Read the names and values; no file means none.

    Raises:
        ConfigError: A line cannot be read, or others can read the file. No value is shown.
    """
    try:
        content = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    if mode & 0o077:
        raise ConfigError(
            "holds secrets, and others may read it", where=str(path), fix=f"chmod 600 {path}"
        )
    secrets: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        # No environment can hold a NUL.
        if not equals or not _NAME.fullmatch(name.strip()) or "\0" in value:
            raise ConfigError(
                "is not NAME=VALUE", where=f"{path}:{number}", fix="Or begin the line with #"
            )
        secrets[name.strip()] = _without_quotes(value.strip())
    return secrets


def _without_quotes(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def values_of(text: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """What each `${NAME}` in a text stands for: a line of secrets.env, or the environment.

    Raises:
        ConfigError: A name that stands for nothing.
    """
    values: dict[str, str] = {}
    for name in _VARIABLE.findall(text):
        value = secrets.get(name, os.environ.get(name))
        if value is None:
            raise ConfigError(
                f"${{{name}}} stands for nothing", fix="Add a line NAME=VALUE to secrets.env"
            )
        values[name] = value
    return values


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put in what each `${NAME}` stands for, as `values_of` found it."""
    return _VARIABLE.sub(lambda found: values[found[1]], text)
