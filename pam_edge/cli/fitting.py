"""Widths of tables: names stay whole, which people copy and type; sentences go over several lines."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table

_ANY_WIDTH = 1_000_000
_ENOUGH = 10
"""Cells in a line of text whose words may be broken."""


def fit(table: Table, console: Console) -> None:
    """Give a table's columns their widths: those that a console has room for, or more if a word were broken else.

    Words are broken in those columns alone that ask for it, by ``overflow="fold"`` or ``"crop"``. Other cells that
    are marked ``no_wrap`` stay on one line, whatever their heading does.
    """
    widths = [max(_measure(each, console).maximum for each in _contents(column)) for column in table.columns]
    least = [_least(column, console) for column in table.columns]
    frame = _measure(table, console).maximum - sum(widths)
    while sum(widths) + frame > console.width:
        shrinkable = [index for index, width in enumerate(widths) if width > least[index]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=widths.__getitem__)] -= 1
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
        column.no_wrap = column.no_wrap and column.overflow == "crop"
    table.width = sum(widths) + frame


def _contents(column: Column) -> list[RenderableType]:
    return [column.header, *column.cells]


def _least(column: Column, console: Console) -> int:
    words = [_measure(each, console).minimum for each in _contents(column)]
    if column.overflow in ("fold", "crop"):
        return max(words[0], min(_ENOUGH, max(words)))
    lines = [_measure(each, console).maximum for each in column.cells] if column.no_wrap else []
    return max(*words, *lines)


def _measure(content: RenderableType, console: Console) -> Measurement:
    return Measurement.get(console, console.options.update(width=_ANY_WIDTH), content)
