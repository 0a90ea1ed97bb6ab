"""What commands print: people read rich output, scripts one JSON object."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

console = Console()
"""Results, on stdout."""

notices = Console(stderr=True)
"""Progress, warnings and errors, on stderr: stdout stays clean for scripts."""


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout, whole or not at all, in ASCII, which every stdout takes."""
    text = json.dumps(value, indent=2, allow_nan=False)
    sys.stdout.write(text + "\n")
