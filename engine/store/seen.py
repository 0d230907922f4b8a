"""Whether a version's error on some days would say anything: not when it has learnt from them."""

from __future__ import annotations

from engine.store.versions import Version


def seen_too_much(version: Version, first_test_day: str, *, who: str) -> str | None:
    """Say why a version cannot be measured from a day on; None when it can.

    Args:
        version: The version.
        first_test_day: As YYYY-MM-DD.
        who: Which version that is, as the sentence begins.
    """
    seen = version.last_day_seen
    if seen < first_test_day:
        return None
    return (
        f"{who} was trained on days up to {seen}, the test begins on {first_test_day}: it is not "
        "compared"
    )
