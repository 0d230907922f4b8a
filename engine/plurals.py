"""One thing is said as one, several as several."""

from __future__ import annotations

import re


def counted(template: str, count: int) -> str:
    """Fill `{count}` and choose from `[one|many]`: "{count} [value is|values are] missing".

    Args:
        template: Words of this program; nothing from data, which may hold such marks itself.
        count: How many.
    """
    chosen = re.sub(r"\[([^|\]]*)\|([^\]]*)\]", r"\1" if count == 1 else r"\2", template)
    return chosen.replace("{count}", f"{count:,}")
