"""What the fuzzer of the interface is told."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """JSON Schema calls 7.0 an integer; this interface promises to refuse it."""
    steps = body.get("prediction_step") if isinstance(body, dict) else None
    if isinstance(steps, float) and steps.is_integer():
        return {**body, "prediction_step": int(steps)}
    return body
