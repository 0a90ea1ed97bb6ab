"""Pieces of HTML that all parts of the report are made of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape


def section(title: str, content: str) -> str:
    """Return a titled card of the page."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>\n"


def table(head: str, rows: Iterable[str]) -> str:
    """Return a table that scrolls sideways where the page is narrow."""
    return f'<div class="scroll"><table><thead>{head}</thead>\n<tbody>{"".join(rows)}</tbody></table></div>'


def number(value: float) -> str:
    """Return a cost with about three significant digits, never in powers of ten."""
    return f"{value:,.{max(0, min(4, 2 - math.floor(math.log10(abs(value)))))}f}" if value else "0"


def signed_number(value: float) -> str:
    """Return a change with its sign, to five places."""
    return f"{value:+.5f}".replace("-", "−")


def scientific(value: float) -> str:
    """Return an error in powers of ten, with two digits."""
    return "0" if value == 0 else f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e+")
