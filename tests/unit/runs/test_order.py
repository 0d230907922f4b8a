from __future__ import annotations

import pytest

from engine.runs.order import Order


@pytest.mark.parametrize(
    "order",
    [
        Order("a1", 0, "p1"),
        Order("a1", 3, "p1", nice=10, memory_limit_mb=4096, log_max_mb=1),
        Order('재고 \n\0"', 0, "\udcff"),
    ],
)
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    assert Order.parse(order.line()) == order


def test_an_order_is_one_line_whatever_is_in_it() -> None:
    line = Order("a\r\n\u2028\x85b", 0, "p1").line()

    assert line.endswith(b"\n")
    assert line.decode().splitlines() == [line.decode().rstrip("\n")]


@pytest.mark.parametrize("line", [b"", b"\n", b"{", b"stop\n", b"\xff\n"])
def test_a_line_that_is_no_order_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        Order.parse(line)
