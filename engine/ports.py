"""Listening on a TCP port, and telling who has it when it is taken."""

from __future__ import annotations

import socket

from engine.errors import ServerError


def listen(
    host: str, port: int, *, said_by: str, backlog: int, share: bool = False
) -> socket.socket:
    """Open a port.

    Args:
        host: Address.
        port: 0: any free one.
        said_by: The option or setting that says which; for messages.
        backlog: Connections that may wait to be taken.
        share: Several processes listen, and the kernel spreads the connections over them.

    Raises:
        ServerError: It is taken, by whom as far as that can be told, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small parts of an answer without waiting for more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if share:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ServerError(
            f"cannot listen on port {port}: {error.strerror}{_owner(port)}",
            where=host,
            fix=f"Set {said_by} to another one, or end what has it",
        ) from error
    listener.setblocking(False)
    return listener


def _owner(port: int) -> str:
    """Who has a port, as the rest of a sentence; "" when that cannot be told."""
    import psutil

    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return ""
    for found in connections:
        if found.status == psutil.CONN_LISTEN and found.laddr[1:] == (port,) and found.pid:
            try:
                return f"; process {found.pid} ({psutil.Process(found.pid).name()}) has it"
            except psutil.Error:
                return f"; process {found.pid} has it"
    return ""
