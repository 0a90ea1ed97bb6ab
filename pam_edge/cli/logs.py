"""What the library logs, for people who look for a fault."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pam_edge.cli.output import notices


@contextmanager
def shown_log(*, debug: bool) -> Iterator[None]:
    """Show everything that ``pam_edge`` logs on stderr meanwhile, when debugging."""
    if not debug:
        yield
        return
    from rich.logging import RichHandler

    logger = logging.getLogger("pam_edge")
    handler, level = RichHandler(console=notices, show_path=False, markup=False), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
