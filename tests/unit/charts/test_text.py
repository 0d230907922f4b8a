from __future__ import annotations

import pytest
from rich.cells import cell_len

from engine.charts.text import clip_start


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("a/b.png", 7, "a/b.png"),
        ("a/b.png", 6, "…b.png"),
        ("photos/cats/1.png", 8, "…s/1.png"),
        ("사진/고양이.png", 8, "…이.png"),
        ("a\x1bb.png", 20, "a\\x1bb.png"),
        ("anything", 1, "…"),
        ("anything", 0, ""),
    ],
)
def test_of_a_long_path_the_end_is_kept(text: str, width: int, shown: str) -> None:
    assert clip_start(text, width) == shown
    assert cell_len(clip_start(text, width)) <= width
