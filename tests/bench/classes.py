"""Sum the times of a delegate's operators by class, and give convolutions their shapes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.layers import Convolution
from tests.bench.rounds import WARM_UP_ROUNDS

_SPATIAL, _DEPTHWISE, _POINTWISE = "spatial", "depthwise", "pointwise"
_KERNELS = {"IGEMM": _SPATIAL, "DWConv": _DEPTHWISE, "GEMM": _POINTWISE}
"""XNNPACK's name for the kernel at the end of a convolution's event: indirect product, depthwise, plain product."""
_PLAIN = {
    "elementwise": ("Add", "Subtract", "Multiply", "Divide", "Clamp", "Floor", "Minimum", "Maximum", "Sigmoid"),
    "resize": ("Resize",),
    "pooling": ("Mean", "Max Pooling", "Average Pooling"),
    "transposes and copies": ("Transpose", "Copy", "Slice", "Static Reshape"),
}


@dataclass(slots=True)
class OperatorClass:
    """Operators of one class.

    Attributes:
        fastest_ms: sum of the operators' times, each the fastest of its runs.
        operators: how many.
        macs: of all of them; None where a convolution could not be told apart, 0 where there are none.
        heaviest: the convolution that takes longest, and its time; None for other classes.
    """

    name: str
    fastest_ms: float = 0.0
    operators: int = 0
    macs: int | None = 0
    heaviest: tuple[Convolution, float] | None = field(default=None)

    @property
    def rate(self) -> float | None:
        """GMAC/s, or None without multiply-accumulates."""
        return self.macs / self.fastest_ms / 1e6 if self.macs else None


def fastest(times_ms: Sequence[float]) -> float:
    """Return the shortest of a trace's runs without the warm-up rounds.

    The trace knows wall time alone. Medians would favour short operators on a busy machine: the longer one lasts, the
    likelier it is interrupted. The shortest run of each was not.
    """
    return float(min(times_ms[WARM_UP_ROUNDS:]))


def sum_by_class(events: Sequence[tuple[str, Sequence[float]]], layers: Sequence[Convolution]) -> list[OperatorClass]:
    """Return the classes, longest first.

    The delegate keeps the graph's order, so its k-th event of a kind is the network's k-th convolution of that kind.
    Where the numbers of the two differ, the kind's operators are summed under XNNPACK's own word, without MACs.
    """
    shapes = _shapes(events, layers)
    classes: dict[str, OperatorClass] = {}
    for (name, times_ms), shape in zip(events, shapes, strict=True):
        title = shape.operator_class if shape else _plain_class(name)
        _add(classes.setdefault(title, OperatorClass(title)), fastest(times_ms), shape, _kind(name))
    return sorted(classes.values(), key=lambda entry: -entry.fastest_ms)


def _add(entry: OperatorClass, fastest_ms: float, shape: Convolution | None, kind: str | None) -> None:
    entry.fastest_ms += fastest_ms
    entry.operators += 1
    if shape is not None:
        entry.macs = (entry.macs or 0) + shape.macs
        if entry.heaviest is None or fastest_ms > entry.heaviest[1]:
            entry.heaviest = (shape, fastest_ms)
    elif kind is not None:
        entry.macs = None


def _shapes(events: Sequence[tuple[str, Sequence[float]]], layers: Sequence[Convolution]) -> list[Convolution | None]:
    by_kind: defaultdict[str, list[Convolution]] = defaultdict(list)
    for layer in layers:
        kind = _DEPTHWISE if layer.groups > 1 else _SPATIAL if layer.kernel > 1 else _POINTWISE
        by_kind[kind].append(layer)
    kinds = [_kind(name) for name, _ in events]
    matched = {kind: iter(found) for kind, found in by_kind.items() if len(found) == kinds.count(kind)}
    return [next(matched[kind]) if kind in matched else None for kind in kinds]


def _kind(name: str) -> str | None:
    """Return the kind of a convolution's event, such as ``Convolution (NHWC, F32) IGEMM #3``."""
    if not name.startswith(("Convolution", "Fully Connected")):
        return None
    return _KERNELS.get(name.split("#")[0].split()[-1])


def _plain_class(name: str) -> str:
    kind = name.split("#")[0].strip()
    return next((title for title, starts in _PLAIN.items() if kind.startswith(starts)), kind)
