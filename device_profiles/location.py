"""Find the line of a TOML file that a validation error is about."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")

Location = tuple[str | int, ...]


def find_line(text: str, location: Location) -> int | None:
    """Return the line number (from 1) of a value, or of the closest table around it.

    Understands the files that this project writes: tables, arrays of tables, one key per line. Anything else (inline
    tables, quoted keys) falls back to the enclosing table.

    Args:
        text: the TOML file.
        location: keys and list positions from the root, such as ``("measurements", 0, "blocks", 3, "run_ms")``.
    """
    best, best_length = None, 0
    for number, place in _places(text):
        length = _common(place, location)
        if length > best_length and length == len(place):
            best, best_length = number, length
    return best


def _places(text: str) -> Iterator[tuple[int, Location]]:
    counts: dict[Location, int] = {}
    table: Location = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _enter(header[2].split("."), header[1] == "[[", counts)
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, key[1])


def _enter(keys: list[str], is_array: bool, counts: dict[Location, int]) -> Location:
    """Return where a header leads; ``counts`` holds the elements seen of each array of tables, and is updated."""
    place: Location = ()
    for position, key in enumerate(keys):
        place = (*place, key)
        if is_array and position == len(keys) - 1:
            counts[place] = counts.get(place, 0) + 1
        if place in counts:
            place = (*place, counts[place] - 1)
    return place


def _common(first: Location, second: Location) -> int:
    pairs = zip(first, second, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))
