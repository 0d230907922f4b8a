"""Forms with files: read to the byte, or refused with the place of what is wrong."""

from __future__ import annotations

import random

import httpx
import pytest

from engine.predictor.multipart import MOST_PARTS, Part, boundary_of, parts_of
from engine.refusal import RefusalError

FILE = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\n'


def form(*parts: bytes, boundary: bytes = b"b", end: bytes = b"--\r\n") -> bytes:
    """A form of parts, each with its own head."""
    opening = b"--" + boundary
    return b"".join(opening + b"\r\n" + part + b"\r\n" for part in parts) + opening + end


def refused(body: bytes, boundary: bytes = b"b") -> str:
    with pytest.raises(RefusalError) as refusal:
        parts_of(body, boundary)
    assert refusal.value.status == 400
    return refusal.value.message


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"\r\n", b"--c", b"\r\n--", b"a\r\n--c\r\nb", bytes(range(256)) * 40, b"\r\n\r\n"],
)
def test_every_byte_of_a_file_is_kept(content: bytes) -> None:
    assert parts_of(form(FILE + b"\r\n" + content), b"b") == [Part("file", "a.png", content)]


def test_what_a_common_client_sends_is_read() -> None:
    content = random.Random(7).randbytes(1000)
    files = [("files", ('é "x".png', content, "image/png")), ("files", ("b", b"", ""))]
    request = httpx.Request("POST", "http://x", files=files, data={"heat_map": "false"})

    parts = parts_of(request.read(), boundary_of(request.headers["content-type"]))

    assert parts == [
        Part("heat_map", None, b"false"),
        Part("files", "é %22x%22.png", content),
        Part("files", "b", b""),
    ]


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b:c"', b"a b:c"),
        ("Multipart/Form-Data;charset=utf-8;Boundary=----x'()+_,-./:=?y", b"----x'()+_,-./:=?y"),
        (f"multipart/form-data; boundary={'x' * 70}", b"x" * 70),
    ],
)
def test_a_boundary_is_read_quoted_or_not(header: str, boundary: bytes) -> None:
    assert boundary_of(header) == boundary


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("", 415),
        ("application/json", 415),
        ("multipart/mixed; boundary=a", 415),
        ("multipart/form-data-x; boundary=a", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ('multipart/form-data; boundary=""', 400),
        ('multipart/form-data; boundary="a', 400),
        ('multipart/form-data; boundary="a "', 400),
        ('multipart/form-data; boundary="a\\\r\nb"', 400),
        ("multipart/form-data; boundary=a; boundary=b", 400),
        ("multipart/form-data; boundary=ä", 400),
        (f"multipart/form-data; boundary={'x' * 71}", 400),
    ],
)
def test_a_header_without_a_usable_boundary_is_refused(header: str, status: int) -> None:
    with pytest.raises(RefusalError) as refusal:
        boundary_of(header)

    assert refusal.value.status == status


def test_what_stands_around_the_form_means_nothing() -> None:
    body = b"hello\r\n" + form(FILE + b"\r\nx", end=b"--") + b"\r\ngoodbye"

    assert parts_of(body, b"b") == [Part("file", "a.png", b"x")]
    assert parts_of(b"--b--", b"b") == []
    assert parts_of(b"--b \t\r\n" + FILE + b"\r\nx\r\n--b--", b"b")[0].content == b"x"


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b'Content-Disposition: form-data; name="a\\"b"\r\n', Part('a"b', None, b"")),
        (b'CONTENT-DISPOSITION:FORM-DATA;NAME=a;Filename="x"\r\n', Part("a", "x", b"")),
        (
            b'Content-Disposition: form-data; name="a"; filename="C:\\d\\x.png"\r\n',
            Part("a", "C:\\d\\x.png", b""),
        ),
        (
            b"Content-Disposition: form-data; name=a; filename=x; filename*=utf-8''y.png\r\n",
            Part("a", "x", b""),
        ),
        (FILE + b"Content-Transfer-Encoding: BINARY\r\nX-More: 1\r\n", Part("file", "a.png", b"")),
    ],
)
def test_names_are_read(head: bytes, part: Part) -> None:
    assert parts_of(form(head + b"\r\n"), b"b") == [part]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "does not stand in the body"),
        (b"hello", "does not stand in the body"),
        (b"--c--\r\n", "does not stand in the body"),
        (b"x--b--", "does not stand in the body"),
        (b"--b", "part 1: its boundary is not alone"),
        (b"--bx\r\n" + FILE + b"\r\nx\r\n--b--", "part 1: its boundary is not alone"),
        (b"--b\n" + FILE + b"\r\nx\r\n--b--", "part 1: its boundary is not alone"),
        (form(FILE + b"\r\nx", end=b""), "part 2: its boundary is not alone"),
        (form(FILE + b"\r\nx", end=b"-"), "part 2: its boundary is not alone"),
        (form(FILE + b"\r\nx")[: -len(b"--b--\r\n")], "part 1 has no end"),
        (form(FILE + b"\r\nx").replace(b"\r\n", b"\n"), "not alone in its line"),
        (form(FILE), "part 1: its headers have no end"),
        (form(b"\r\n\r\nx"), "part 1: a line of its head is no header"),
        (form(FILE[:-2] + b"x" * 5000 + b"\r\n\r\nx"), "no end within 4096 bytes"),
        (form(b"X: y\r\n\r\nx"), "part 1 has no header Content-Disposition"),
        (form(b"Content-Disposition: attachment; name=a\r\n\r\nx"), "Content-Disposition"),
        (form(b"Content-Disposition: form-data\r\n\r\nx"), "has no name"),
        (form(b"Content-Disposition: form-data; name=a; name=b\r\n\r\nx"), "name stands there"),
        (form(b'Content-Disposition: form-data; name="a\r\n\r\nx'), "cannot be read after"),
        (form(FILE + FILE + b"\r\nx"), "Content-Disposition stands there twice"),
        (form(FILE + b" folded\r\n\r\nx"), "no header"),
        (form(FILE + b"X: a\0b\r\n\r\nx"), "no header"),
        (form(FILE + b"X: a\rb\r\n\r\nx"), "no header"),
        (form(FILE + b"X: \xff\r\n\r\nx"), "not UTF-8"),
        (form(FILE + b"Content-Type: multipart/mixed; boundary=c\r\n\r\nx"), "form within a form"),
        (form(FILE + b"Content-Transfer-Encoding: base64\r\n\r\nx"), "send the bytes as they are"),
        (form(*[FILE + b"\r\nx"] * (MOST_PARTS + 1)), f"more than {MOST_PARTS} parts"),
    ],
)
def test_a_form_that_is_not_as_it_should_be_is_refused_with_its_place(
    body: bytes, said: str
) -> None:
    assert said in refused(body)


def test_whatever_is_damaged_is_read_or_refused() -> None:
    whole = form(FILE + b"\r\n" + bytes(range(64)), FILE + b"Content-Type: image/png\r\n\r\n\r\n")
    chance = random.Random(7)
    for _ in range(2000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.choice(b'\r\n-b:;"\\\0 =a')
        try:
            parts_of(bytes(damaged[: chance.randint(0, len(damaged))]), b"b")
        except RefusalError as refusal:
            assert refusal.status == 400
