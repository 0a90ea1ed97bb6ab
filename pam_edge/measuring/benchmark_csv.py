"""Read the operators in the CSV that LiteRT's ``benchmark_model`` writes.

The file reports on loading, then on the regular runs; each report holds several tables, of which the one titled "Run
Order" is in order of execution. The writer escapes commas in an operator's name, but not in its type, and there are
types such as ``Convolution (NHWC, F32) IGEMM``. So a row is read from the right: the header says how many columns
follow the type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pam_edge.errors import ProfileError
from pam_edge.files import read_text

COMMAND = (
    "benchmark_model --enable_op_profiling=true --op_profiling_output_mode=csv --op_profiling_output_file=ENTRY.csv "
    "(older releases: --profiling_output_csv_file=ENTRY.csv)"
)
"""What writes such a file."""

_REGULAR_RUNS, _ORDERED = "Regular Benchmark Runs", "Run Order"
_TYPE, _AVERAGE, _NAME = "node type", "avg_ms", "name"
_PRINTED = "[node type]"


def read_benchmark_csv(file: Path) -> list[tuple[str, float]]:
    """Return type and mean milliseconds of each operator of the regular runs, in order; empty if there are none.

    A file with more than one graph's table of the regular runs is read by the last one that is not empty: the first is
    of the file's first entry point, and empty where another one ran.

    Raises:
        ProfileError: if the file cannot be read, is a printed log, or has a row whose columns do not fit its header.
    """
    lines = read_text(file, "an operator profile (CSV)", ProfileError).splitlines()
    if any(_PRINTED in line for line in lines):
        raise ProfileError(f"Expected an operator profile as CSV; {file} is a printed log. Write it with {COMMAND}.")
    regular = max((number for number, line in enumerate(lines) if _REGULAR_RUNS in line), default=0)
    starts = [number for number, line in enumerate(lines) if _ORDERED in line and number >= regular]
    for start in reversed(starts):
        if rows := list(_rows(lines, start + 1, file)):
            return rows
    return []


def _rows(lines: Sequence[str], header: int, file: Path) -> Iterator[tuple[str, float]]:
    columns = _columns(lines, header, file)
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        if not line.strip(", ") or line.startswith("="):
            return
        yield _row(line, columns, f"{file}, line {number}")


def _columns(lines: Sequence[str], header: int, file: Path) -> tuple[str, ...]:
    text = lines[header] if header < len(lines) else ""
    columns = tuple(column.strip() for column in text.split(","))
    if columns[0] != _TYPE or columns[-1] != _NAME or _AVERAGE not in columns:
        raise ProfileError(
            f"{file}, line {header + 1}: expected columns from {_TYPE!r} to {_NAME!r} with {_AVERAGE!r}; got {text!r}. "
            f"Write it with {COMMAND}."
        )
    return columns


def _row(line: str, columns: tuple[str, ...], place: str) -> tuple[str, float]:
    cells = [cell.strip() for cell in line.rsplit(",", len(columns) - 1)]
    if len(cells) != len(columns):
        raise ProfileError(f"{place}: expected the columns {', '.join(columns)}; got {line!r}. Write the file again.")
    kind = cells[0].strip('"').replace("\t", ",")
    numbers = {name: _number(name, cell, kind, place) for name, cell in zip(columns[1:-1], cells[1:-1], strict=True)}
    return kind, numbers[_AVERAGE]


def _number(column: str, cell: str, kind: str, place: str) -> float:
    """Read a cell; a share must say that it is one, which no cell that slipped from another column does."""
    is_share = column.endswith("%")
    if is_share == cell.endswith("%"):
        try:
            return float(cell.removesuffix("%"))
        except ValueError:
            pass
    expected = "a percentage" if is_share else "a number"
    raise ProfileError(f"{place}: expected {expected} as {column} of {kind!r}; got {cell!r}. Write the file again.")
