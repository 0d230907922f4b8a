from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.config import yaml_source
from engine.config.problems import ConfigProblemsError
from engine.config.yaml_scalars import ScalarError, plain_or_quoted, resolve_plain
from engine.config.yaml_source import Position, parse_yaml, read_yaml_file

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30))
HOSTILE = {
    "bomb": (BOMB, "anchors (&) and aliases (*) are not accepted"),
    "lists, 50,000 deep": ("a: " + "[" * 50_000, "nested deeper than 16 levels"),
    "mappings, 50,000 deep": ("{a: " * 50_000, "nested deeper than 16 levels"),
    "dashes, 50,000 deep": ("- " * 50_000, "nested deeper than 16 levels"),
    "nested keys": ("? " * 50_000, "a key is text, not a list or mapping"),
    "10 MB": ("a: 1\n" * 2_000_000, "larger than 1000000 bytes"),
    "many values": ("a: [" + "1," * 100_000 + "]", "more than 10000 values"),
    "many keys": ("".join(f"k{i}: 1\n" for i in range(50_000)), "more than 10000 values"),
    "digits": ("a: " + "9" * 100_000, "a number of 100000 characters is too long"),
}


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers that PyYAML may come with."""
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(yaml_source, "_Parser", getattr(yaml, request.param))
    return str(request.param)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_the_cap_that_it_passes(name: str) -> None:
    text, message = HOSTILE[name]

    with pytest.raises(ConfigProblemsError) as caught:
        parse_yaml(text.encode(), "f.yaml")

    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_no_more_than_the_cap_is_read_from_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no room, and could not be read whole

    with pytest.raises(ConfigProblemsError, match="larger than 1000000 bytes"):
        read_yaml_file(path)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)

    with pytest.raises(ConfigProblemsError, match="not a regular file"):
        read_yaml_file(pipe)


def test_a_link_to_nowhere_names_the_file_and_the_reason(tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "gone.yaml")

    with pytest.raises(ConfigProblemsError, match=r"link\.yaml: the file cannot be read: No such"):
        read_yaml_file(link)


@pytest.mark.usefixtures("parser")
def test_every_key_value_and_element_has_its_place() -> None:
    document = parse_yaml("a: 1\nb:\n  c: [x, 'y']\n  재고: z # note\n".encode(), "f.yaml")

    assert document.data == {"a": 1, "b": {"c": ["x", "y"], "재고": "z"}}
    places = {path: (source.key, source.value) for path, source in document.sources.items()}
    assert places == {
        ("a",): (Position(1, 1), Position(1, 4)),
        ("b",): (Position(2, 1), Position(3, 3)),
        ("b", "c"): (Position(3, 3), Position(3, 6)),
        ("b", "c", 0): (Position(3, 7), Position(3, 7)),
        ("b", "c", 1): (Position(3, 10), Position(3, 10)),
        ("b", "재고"): (Position(4, 3), Position(4, 7)),
    }


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_files_of_windows_editors_are_read(start: bytes, end: bytes) -> None:
    document = parse_yaml(start + b"a: 1" + end + b"b: 2" + end, "f.yaml")

    assert document.data == {"a": 1, "b": 2}
    assert document.sources["b",].key == Position(2, 1)


def test_all_scalars_that_are_refused_are_named_at_once() -> None:
    with pytest.raises(ConfigProblemsError) as caught:
        parse_yaml(b"a: 1e-3\nb: 010\nc: .nan\nd: !!str 5\n", "f.yaml")

    places = [problem.where for problem in caught.value.problems]
    assert places == ["f.yaml:1:4", "f.yaml:2:4", "f.yaml:3:4", "f.yaml:4:4"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("no", False),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("50_000_000", 50_000_000),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.0e-3", 0.001),
        ("1.5e3", 1500.0),
        ("2024-01-01", "2024-01-01"),
        ("12:30:45", "12:30:45"),
        ("0x10", "0x10"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("²", "²"),
        ("LSTM", "LSTM"),
    ],
)
def test_a_plain_scalar_means_what_it_looks_like(text: str, value: object) -> None:
    read = resolve_plain(text)

    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["1e-3", "5E3", "010", "-007", "0_1", ".inf", "-.INF", "NaN", "inf"]
)
def test_a_scalar_that_readers_disagree_on_is_refused(text: str) -> None:
    with pytest.raises(ScalarError):
        resolve_plain(text)


@given(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(["no", "1e-3", "010", "null", "", " x", "a: b", "# x", "%d", "'", '"', "~"])
)
def test_a_written_scalar_reads_back_as_itself(value: bool | int | float | str | None) -> None:
    text = plain_or_quoted(value)
    read = parse_yaml(f"a: {text}\n".encode(), "f.yaml").data["a"]

    assert (read, type(read)) == (value, type(value))
    # Other programs read it the same way.
    assert yaml.safe_load(f"a: {text}\n")["a"] == value


@example(b"{}")
@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
)
def test_whatever_the_bytes_are_the_answer_is_data_or_a_message(raw: bytes) -> None:
    try:
        document = parse_yaml(raw, "f.yaml")
    except ConfigProblemsError as error:
        assert str(error).startswith("f.yaml:")
        assert all(line.isprintable() for line in str(error).splitlines())
    else:
        assert document.data
