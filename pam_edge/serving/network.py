"""Where a server on this machine is reached from others."""

from __future__ import annotations

import socket

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"

_FAR = ("192.0.2.1", 9)
"""An address of documentation (RFC 5737): asking for the way there sends nothing."""


def local_address() -> str | None:
    """Return this machine's IPv4 address on the network that leads to others; None where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        try:
            way.connect(_FAR)
        except OSError:
            return None
        found = str(way.getsockname()[0])
    return None if found.startswith(("127.", "0.")) else found
