from __future__ import annotations

from engine.attempts import Attempts


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_who_is_wrong_too_often_waits_and_others_do_not() -> None:
    clock = Clock()
    attempts = Attempts(3, 60.0, clock)

    for _ in range(3):
        assert attempts.wait_of("a") == 0
        attempts.was_wrong("a")
        clock.now += 1.0

    assert attempts.wait_of("a") == 57
    assert attempts.wait_of("b") == 0


def test_an_attempt_counts_for_a_while() -> None:
    clock = Clock()
    attempts = Attempts(2, 60.0, clock)
    attempts.was_wrong("a")
    clock.now += 50.0
    attempts.was_wrong("a")
    assert attempts.wait_of("a") == 10

    clock.now += 10.0

    assert attempts.wait_of("a") == 0
    attempts.was_wrong("a")
    assert attempts.wait_of("a") == 50


def test_who_guesses_from_ten_thousand_addresses_does_not_fill_the_memory() -> None:
    attempts = Attempts(1, 60.0)

    for number in range(10_050):
        attempts.was_wrong(str(number))

    assert attempts.wait_of("10049") > 0
    assert attempts.wait_of("49") == 0  # long forgotten
    assert attempts.wait_of("50") > 0
