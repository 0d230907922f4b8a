"""From the body of a request to the pictures in it: a form with files, or the file alone."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from engine.predictor.multipart import Part, boundary_of, parts_of, split_kind
from engine.refusal import RefusalError

FILE = "file"
FILES = "files"
HEAT_MAP = "heat_map"
MOST_FILES = 64

FORMS = "multipart/form-data"
PICTURES = ("image/png", "image/jpeg")
"""What a body may be when it is a picture and nothing else."""

_UNPROCESSABLE = 422
_SWITCH = {"true": True, "false": False}


@dataclass(frozen=True)
class Upload:
    """One file.

    Attributes:
        name: What the client calls it, "" where it said nothing.
        content: The bytes.
    """

    name: str
    content: bytes


@dataclass(frozen=True)
class PictureQuestion:
    """One picture, and whether its heat map is wanted."""

    upload: Upload
    heat_map: bool


def check_kind(content_type: bytes | None, encoding: bytes | None, *, bare: bool) -> None:
    """Refuse a body that can bring no picture, before it is read.

    Args:
        content_type: The header Content-Type.
        encoding: The header Content-Encoding.
        bare: Whether the body may be the picture itself.

    Raises:
        RefusalError: 415, or 400 for a form without a boundary.
    """
    if encoding and encoding.lower() != b"identity":
        raise RefusalError(415, "send the body without Content-Encoding")
    said = (content_type or b"").decode("latin-1")
    kind, _ = split_kind(said)
    if bare and kind in PICTURES:
        return
    if kind != FORMS:
        what = f"send a form with the picture in the field `{FILE}`, as Content-Type: {FORMS}"
        if bare:
            what += f", or the picture itself, as {' or '.join(PICTURES)}"
        raise RefusalError(415, what)
    boundary_of(said)


def check_page(origin: bytes | None, host: bytes | None) -> None:
    """Refuse a page of another server: a browser sends a form anywhere, without asking first.

    Args:
        origin: The header Origin; programs send none.
        host: The header Host.

    Raises:
        RefusalError: 403.
    """
    if origin is not None and origin.lower().partition(b"://")[2] != (host or b"").lower():
        raise RefusalError(403, "a web page of another server may not ask here")


def read_picture_question(content_type: bytes | None, query: bytes, body: bytes) -> PictureQuestion:
    """Find the one picture of a request, whose kind was checked.

    Raises:
        RefusalError: 400 for a form that cannot be read, 422 for one without exactly one picture.
    """
    said = (content_type or b"").decode("latin-1")
    switch = _asked_in_query(query)
    if split_kind(said)[0] in PICTURES:
        return PictureQuestion(_checked(Upload("", body), "the body"), _is_on(switch))
    files: list[Upload] = []
    for part in parts_of(body, boundary_of(said)):
        if part.name == FILE:
            files.append(_upload(part))
        elif part.name == HEAT_MAP:
            switch.append(_text(part))
        else:
            raise _unknown(part.name, FILE, HEAT_MAP)
    if len(files) != 1:
        raise RefusalError(
            _UNPROCESSABLE,
            f"{FILE}: send one picture in this field, not {len(files)}; several at once go to "
            "POST /classify",
        )
    return PictureQuestion(_checked(files[0], FILE), _is_on(switch))


def read_uploads(content_type: bytes | None, body: bytes) -> list[Upload]:
    """Find the pictures of a request for many, whose kind was checked.

    Raises:
        RefusalError: 400 for a form that cannot be read, 422 for one without a picture or with
            too many.
    """
    files: list[Upload] = []
    for part in parts_of(body, boundary_of((content_type or b"").decode("latin-1"))):
        if part.name not in (FILE, FILES):
            raise _unknown(part.name, FILES)
        files.append(_upload(part))
    if not 1 <= len(files) <= MOST_FILES:
        raise RefusalError(
            _UNPROCESSABLE,
            f"{FILES}: 1 to {MOST_FILES} pictures are classified at once, not {len(files)}",
        )
    return files


def _asked_in_query(query: bytes) -> list[str]:
    asked = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    for name, _ in asked:
        if name != HEAT_MAP:
            raise _unknown(name, HEAT_MAP)
    return [value for _, value in asked]


def _is_on(said: list[str]) -> bool:
    if not said:
        return True
    if len(said) > 1:
        raise RefusalError(
            _UNPROCESSABLE, f"{HEAT_MAP}: it was said {len(said)} times; say it once"
        )
    if said[0] not in _SWITCH:
        raise RefusalError(_UNPROCESSABLE, f"{HEAT_MAP}: true or false, not {said[0][:40]!r}")
    return _SWITCH[said[0]]


def _upload(part: Part) -> Upload:
    # Old browsers sent the whole path: only the last piece of it is a name.
    name = (part.filename or "").replace("\\", "/").rpartition("/")[2]
    return Upload(name, part.content)


def _checked(upload: Upload, where: str) -> Upload:
    if not upload.content:
        raise RefusalError(_UNPROCESSABLE, f"{where}: it is empty; send a PNG or a JPEG")
    return upload


def _text(part: Part) -> str:
    return part.content[:100].decode("utf-8", "replace").strip()


def _unknown(name: str, *known: str) -> RefusalError:
    return RefusalError(
        _UNPROCESSABLE, f"unknown field {name[:80]!r}; there is {' and '.join(known)}"
    )
