"""Budgets: the most that a path may cost, as a user writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pam_edge.errors import BudgetError

_LARGEST = 1e9
_PATTERN = re.compile(r"\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?)\s*([^\s0-9].*?)\s*", re.ASCII)
_PERCENT_IN_LABELS = "pct"
_LABEL_POINT = re.compile(r"(?<=[0-9])p(?=[0-9])")


class BudgetUnit(StrEnum):
    """What a budget's number counts; the value is how it is written after the number."""

    MS = "ms"
    GMAC = "gmac"
    PERCENT = "%"
    LEVEL = "% of the MACs"
    """A level of quality; never written as a number, only by its name."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The largest cost allowed.

    Attributes:
        label: entry-point name, safe in file names: ``mild``, ``60gmac``, ``80pct``, ``7p5ms``.
        value: in ``unit``.
        unit: milliseconds on a device; GMACs at the converted size; percent of the full path's cost, in whatever the
            profile counts; or, for a name, percent of the full path's MACs.
    """

    label: str
    value: float
    unit: BudgetUnit

    @property
    def text(self) -> str:
        """What ``parse_budget`` reads as this budget."""
        if self.unit is BudgetUnit.LEVEL:
            return self.label
        return f"{self.value:.15g}{'GMAC' if self.unit is BudgetUnit.GMAC else self.unit}"

    def __str__(self) -> str:
        return f"{self.text} ({self.value:g}{self.unit})" if self.unit is BudgetUnit.LEVEL else self.text


NAMED_BUDGETS: dict[str, Budget] = {
    name: Budget(name, percent, BudgetUnit.LEVEL)
    for name, percent in (("mild", 100.0), ("moderate", 93.3), ("aggressive", 77.5))
}
"""The paper's three levels of quality, as its own ratios: 69.6 and 57.8 of 74.6 GMACs. They are shares of MACs on every
device and target, so that an app looks alike everywhere; what they take there, the profile predicts."""

DEFAULT_BUDGETS: tuple[Budget, ...] = tuple(NAMED_BUDGETS.values())
"""What is planned when no budget is given."""

_EXPECTED = f"Expected a budget such as 12ms, 60GMAC, 80% or one of the names {', '.join(NAMED_BUDGETS)}"


def parse_budget(text: str) -> Budget:
    """Read a budget from its written form, its label, or as it is shown; case and spaces at the unit do not matter.

    Raises:
        BudgetError: if it is no text or no budget, the unit is unknown, or the number is not above zero or too large.
    """
    if not isinstance(text, str):
        raise BudgetError(f"{_EXPECTED}, as text; got {text!r}. Write it in quotes, with its unit.")
    name = text.strip().lower()
    named = next((each for each in DEFAULT_BUDGETS if name in (each.label, str(each).lower())), None)
    if named is not None:
        return named
    match = _PATTERN.fullmatch(_LABEL_POINT.sub(".", name))
    if match is None:
        raise BudgetError(f"{_EXPECTED}; got {text!r}. Write a plain number directly followed by its unit.")
    unit = _parse_unit(match[2], text)
    value = float(match[1])
    if not 0 < value <= _LARGEST:
        raise BudgetError(f"A budget must lie above zero, up to {_LARGEST:.0f}; got {text!r}. Give a usable limit.")
    return Budget(_label(Decimal(match[1]), unit), value, unit)


def _parse_unit(unit: str, text: str) -> BudgetUnit:
    known = {str(unit): unit for unit in BudgetUnit if unit is not BudgetUnit.LEVEL}
    known |= {"gmacs": BudgetUnit.GMAC, _PERCENT_IN_LABELS: BudgetUnit.PERCENT}
    if unit not in known:
        raise BudgetError(f"{_EXPECTED}; {text!r} has the unknown unit {unit!r}. Use ms, GMAC or %.")
    return known[unit]


def _label(number: Decimal, unit: BudgetUnit) -> str:
    digits = f"{number:f}"
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    digits = digits.lstrip("+").lstrip("0") or "0"
    digits = f"0{digits}" if digits.startswith(".") else digits
    suffix = _PERCENT_IN_LABELS if unit is BudgetUnit.PERCENT else unit
    return digits.replace(".", "p") + suffix
