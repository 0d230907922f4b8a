"""A request that is not done, with the status and the sentence that its sender gets."""

from __future__ import annotations

from collections.abc import Mapping


class RefusalError(Exception):
    """Why a request is not done.

    Args:
        status: HTTP status.
        message: What is wrong and what would be right.
        headers: Further headers of the answer.
        close: Whether the connection ends with the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[bytes, bytes] | None = None,
        *,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.close = close
