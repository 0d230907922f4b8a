"""The kinds of values that settings are made of: ids, names, paths, encodings, URLs."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from engine.database.address import parse_address
from engine.errors import ConfigError
from engine.ids import ID

ID_PATTERN = f"^{ID}$"
"""Names that become folder names: looked up in a table, never joined to a path unchecked."""

HparamValue = bool | int | float | str

POOL_PATTERN = r"^([A-Za-z0-9][A-Za-z0-9 ._-]{0,63})?$"
"""Names of work pools: what Prefect takes, and a path of a URL too."""

NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f]+$"

_ENV_VAR = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_PASSWORDS = re.compile(
    r"""(?P<before> //[^/?\#@:]*: | [?&](?:password|passwd|pwd)= )
        (?P<password> (?<=:)[^@]+(?=@) | (?<==)[^&]+ )""",
    re.IGNORECASE | re.VERBOSE,
)

_STORAGE_URL = re.compile(r"[a-z][a-z0-9+.-]{0,30}://[^\s?#]+")
_PREFECT_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]{1,300}(/[A-Za-z0-9._~/-]*)?")
_SECRET_OPTION = re.compile(r"secret|password|passwd|token|key$|account_key|credential", re.I)


class Section(BaseModel):
    """What all settings share: unknown keys are refused, nothing is coerced, nothing changes."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
        # An infinite or undefined limit would switch a check off without saying so.
        allow_inf_nan=False,
    )


def conflict(what: str, *keys: str) -> PydanticCustomError:
    """Describe values that do not fit together.

    Args:
        what: The rule that is broken, with the values that break it and a way out.
        keys: The settings involved, relative to the model that raises it; the message points at
            the one that was given most deliberately (a flag before a file before a default).
    """
    # A template of "{what}" keeps braces in the message from being read as placeholders.
    return PydanticCustomError("settings_conflict", "{what}", {"keys": keys, "what": what})


def _rejected(what: str, candidates: tuple[str, ...] = ()) -> PydanticCustomError:
    context = {"what": what, "candidates": candidates}
    return PydanticCustomError("value_rejected", "{what}", context)


def frozen_list(value: object) -> object:
    """Let YAML lists through strict mode, as tuples: a frozen tree holds no mutable lists."""
    return tuple(value) if isinstance(value, list) else value


def _known_encoding(name: str) -> str:
    if name == "auto":
        return name
    try:
        "".encode(name)
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        raise _rejected(
            f"there is no text encoding {name!r}",
            ("auto", "utf-8", "utf-8-sig", "utf-16", "cp949", "euc-kr", "cp1252", "latin-1"),
        ) from None
    return name


def _one_character_or_auto(text: str) -> str:
    if text == "auto" or (len(text) == 1 and text not in '\r\n"\0'):
        return text
    raise _rejected(f"{text!r} is not one character")


def _strptime_format(text: str) -> str:
    directives = set(re.findall(r"%.", text.replace("%%", "")))
    names_day = "%d" in directives and directives & {"%m", "%b", "%B"}
    if directives & {"%Y", "%y"} and (names_day or "%j" in directives):
        return text
    raise _rejected(
        f"{text!r} does not say where year, month and day stand",
    )


def _without_plain_password(url: str) -> str:
    # The message never repeats the URL: it may hold the password.
    if "://" not in url and not _ENV_VAR.match(url):
        raise _rejected(
            "this is not a database URL",
        )
    for found in _PASSWORDS.finditer(url):
        if not _ENV_VAR.fullmatch(found["password"]):
            raise _rejected(
                "the URL holds a password in plain text, which would be copied into every run; "
                "put it into an environment variable",
            )
    return url


def without_passwords(text: str) -> str:
    """Blank out the passwords of database URLs in a text that will be shown."""
    return _PASSWORDS.sub(r"\g<before>***", text)


def _address(url: str) -> str:
    # The message never repeats the URL: most of these are secrets by themselves.
    if "://" not in url and not _ENV_VAR.match(url):
        raise _rejected("this is not a URL")
    return url


def _storage_url(url: str) -> str:
    if url and not _STORAGE_URL.fullmatch(url):
        raise _rejected("this is not a URL such as s3://bucket/folder")
    return _without_plain_password(url) if url else url


def _prefect_url(url: str) -> str:
    if url and not _PREFECT_URL.fullmatch(url):
        raise _rejected("this is not a URL such as https://prefect.example/api")
    return url


def _only_a_variable(text: str) -> str:
    # The message never repeats the text: it is the secret.
    if text and not _ENV_VAR.fullmatch(text):
        raise _rejected("holds a secret in plain text; put it into secrets.env and write ${NAME}")
    return text


def _postgres_url(url: str) -> str:
    if not url or _ENV_VAR.fullmatch(url):
        return url
    try:
        parse_address(url)
    except ConfigError as error:
        raise _rejected(error.what) from None
    return _without_plain_password(url)


def _server_url(url: str) -> str:
    if url and "://" not in url and not _ENV_VAR.match(url):
        raise _rejected(
            "this is not a URL such as https://mlflow.example or postgresql://host/name"
        )
    return _without_plain_password(url) if url else url


def _without_plain_secrets(options: dict[str, HparamValue]) -> dict[str, HparamValue]:
    for name, value in options.items():
        is_secret = _SECRET_OPTION.search(name) and not name.endswith("_url")
        if is_secret and not (isinstance(value, str) and _ENV_VAR.search(value)):
            raise _rejected(
                f"{name} holds a secret in plain text; put it into secrets.env and write "
                f"{name}: ${{NAME}}"
            )
    return options


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise _rejected(f"{text!r} is no IP address and no network such as 10.0.0.0/8") from None
    return text


def _known_timezone(name: str) -> str:
    if name == "local":
        return name
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # ValueError: an absolute path or `..`; OSError: the name of a folder of zones.
        raise _rejected(
            f"there is no time zone {name!r}",
            tuple(sorted(zoneinfo.available_timezones())),
        ) from None
    return name


@dataclass(frozen=True)
class Allowed:
    """What may stand in a setting, in the words of messages and of the reference.

    Attributes:
        words: What is allowed.
        is_secret: A value may be a secret, and is not repeated in messages.
    """

    words: str
    is_secret: bool = False


_LINE_OF_TEXT = Allowed("text on one line")

Id = Annotated[
    str,
    Field(pattern=ID_PATTERN),
    Allowed("a-z, 0-9, dot, dash, underscore; begins with a letter or digit; at most 64"),
]
LatestOrId = Annotated[str, Field(pattern=ID_PATTERN), Allowed("latest, or an id")]
Text = Annotated[str, Field(min_length=1), Allowed("text")]
Name = Annotated[
    str, Field(min_length=1, max_length=256, pattern=NO_CONTROL_CHARACTERS), _LINE_OF_TEXT
]
PathText = Annotated[
    str, Field(min_length=1, max_length=4096, pattern=NO_CONTROL_CHARACTERS), Allowed("a path")
]
HparamName = Annotated[str, Field(min_length=1, max_length=64)]
Names = Annotated[tuple[Name, ...], BeforeValidator(frozen_list), Allowed("a list of texts")]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_network)], ...],
    BeforeValidator(frozen_list),
    Allowed("a list of IP addresses and networks"),
]
SomeNames = Annotated[
    tuple[Name, ...],
    Field(min_length=1),
    BeforeValidator(frozen_list),
    Allowed("a list of one or more texts"),
]
Paths = Annotated[tuple[PathText, ...], BeforeValidator(frozen_list), Allowed("a list of paths")]
Encoding = Annotated[
    str,
    AfterValidator(_known_encoding),
    Allowed("auto, or a codec name such as utf-8, cp949, latin-1"),
]
Delimiter = Annotated[
    str, AfterValidator(_one_character_or_auto), Allowed("auto, or one character such as , ; |")
]
DateFormat = Annotated[
    str,
    AfterValidator(_strptime_format),
    Allowed("a strptime format such as %Y-%m-%d or %d/%m/%Y"),
]
DatabaseUrl = Annotated[
    str,
    Field(min_length=1),
    AfterValidator(_without_plain_password),
    Allowed("dialect://user:${PASSWORD_VARIABLE}@host/database, or ${URL_VARIABLE}"),
]
Addresses = Annotated[
    tuple[Annotated[str, Field(max_length=2048), AfterValidator(_address)], ...],
    BeforeValidator(frozen_list),
    Allowed(
        "a list of URLs of at most 2048 characters; secrets in them as ${NAME}", is_secret=True
    ),
]
TimeZone = Annotated[
    str,
    AfterValidator(_known_timezone),
    Allowed("local, or an IANA name such as Asia/Seoul"),
]
PostgresUrl = Annotated[
    str,
    Field(max_length=2048),
    AfterValidator(_postgres_url),
    Allowed(
        "postgresql://user:${PASSWORD}@host:port/database, ${URL}, or nothing for SQLite",
        is_secret=True,
    ),
]
StorageUrl = Annotated[
    str,
    Field(max_length=2048),
    AfterValidator(_storage_url),
    Allowed("a URL such as s3://bucket/folder, or nothing for the workspace itself"),
]
ServerUrl = Annotated[
    str,
    Field(max_length=2048),
    AfterValidator(_server_url),
    Allowed("a URL, passwords in it as ${NAME}, or nothing", is_secret=True),
]
PrefectUrl = Annotated[
    str,
    Field(max_length=2048),
    AfterValidator(_prefect_url),
    Allowed("a URL such as https://prefect.example/api, without a password; or nothing"),
]
Secret = Annotated[
    str,
    Field(max_length=256),
    AfterValidator(_only_a_variable),
    Allowed("${NAME} of a line in secrets.env, or nothing", is_secret=True),
]
DaskAddress = Annotated[
    str,
    Field(max_length=512, pattern=r"^((tcp|tls)://[^\s/@]+:\d{1,5})?$"),
    Allowed("tcp://host:port or tls://host:port, or nothing"),
]
StorageOptions = Annotated[
    dict[HparamName, HparamValue],
    AfterValidator(_without_plain_secrets),
    Allowed("a mapping of names to values; secrets in them as ${NAME}", is_secret=True),
]
