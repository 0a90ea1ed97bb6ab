"""Where ExecuTorch spends its time inside the delegate, and how LiteRT does on the same shapes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from pam_edge.graphs.static import StaticGraph
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from tests.bench.classes import OperatorClass, fastest, sum_by_class
from tests.bench.forms import Say
from tests.bench.gemm import GMACS
from tests.bench.layers import Convolution, trace_convolutions
from tests.bench.rounds import take_turns
from tests.bench.worker import Worker

EXPLAINED_FROM = 0.05
_CLEARLY_FASTER = 1.3


@dataclass(frozen=True, slots=True)
class Duel:
    """One convolution alone, with bias and random weights, in both runtimes; GMAC/s of the fastest run.

    ExecuTorch's is the delegate's own time of the convolution, without the transposes around it; LiteRT's is a bare
    ``invoke`` of a file that holds the convolution, in its own layout.
    """

    shape: Convolution
    executorch_rate: float
    litert_rate: float


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Operator classes of one full path.

    Attributes:
        outside: operators that run outside the delegate, by name; empty is what should be.
        delegate_ms: fastest delegate call, as ExecuTorch counts it.
        classes: longest first; their times sum to ``operators_ms``.
        duels: for each convolution class of at least 5 %, its heaviest shape.
        gemm_rate: GMAC/s of the fastest matrix product in the trace's rounds.
    """

    checkpoint: str
    size: int
    threads: int
    outside: dict[str, int]
    delegate_ms: float
    classes: list[OperatorClass]
    duels: dict[str, Duel]
    gemm_rate: float

    @property
    def operators_ms(self) -> float:
        """Sum of all operators' fastest runs."""
        return sum(entry.fastest_ms for entry in self.classes)

    def share(self, entry: OperatorClass) -> float:
        """Return a class's share of all operators' time."""
        return entry.fastest_ms / self.operators_ms

    @property
    def heavy(self) -> list[OperatorClass]:
        """Classes of at least 5 %."""
        return [entry for entry in self.classes if self.share(entry) >= EXPLAINED_FROM]


def break_down(folder: str, checkpoint: str, *, size: int, threads: int, rounds: int, say: Say) -> Breakdown:
    """Trace the full path, then let its heavy convolutions run alone in both runtimes, in turns.

    Args:
        folder: where ``make_forms`` wrote the full path for ExecuTorch.
        checkpoint: name of a variant.
        say: called with what is being done.
    """
    with ExitStack() as stack:
        say(f"{checkpoint}: tracing operators")
        network = stack.enter_context(Worker("profiling:TracedExecuTorch", threads=threads))
        image, trimap = [1, 3, size, size], [1, 1, size, size]
        outside = network.call("open", folder=folder, threads=threads, shapes=[image, trimap])
        gemm = stack.enter_context(Worker("gemm:Gemm", threads=threads))
        gemm.call("open", threads=threads)
        samples = take_turns({"network": network, "GEMM": gemm}, rounds, lambda: None)
        trace = network.call("events")
        classes = sum_by_class(trace["operators"], _layers(checkpoint, size))
        found = Breakdown(
            checkpoint=checkpoint,
            size=size,
            threads=threads,
            outside=outside,
            delegate_ms=fastest(trace["delegate"]),
            classes=classes,
            duels={},
            gemm_rate=GMACS / min(samples["GEMM"].wall_ms) * 1e3,
        )
    with Worker("artifacts:Maker", threads=1) as maker:
        for entry in found.heavy:
            if entry.heaviest is not None:
                say(f"{checkpoint}: {entry.name} alone in both runtimes")
                found.duels[entry.name] = _duel(maker, entry.heaviest[0], threads, rounds)
    return found


def explain(found: Breakdown, entry: OperatorClass) -> str:
    """Say in one line, from the numbers alone, why a class takes the time it does."""
    if entry.macs is None:
        return "its events do not match the network's convolutions one to one: not explained"
    duel = found.duels.get(entry.name)
    if entry.rate is None or duel is None:
        return f"no multiply-accumulates: {entry.operators} operators that move data, {entry.fastest_ms:.1f} ms"
    shape = f"{duel.shape.description} alone: {duel.executorch_rate:.1f} GMAC/s here, {duel.litert_rate:.1f} in LiteRT"
    advantage = duel.litert_rate / duel.executorch_rate
    if advantage >= _CLEARLY_FASTER:
        return f"{shape}: the same arithmetic {advantage:.1f} x slower, so this build's kernel and not the graph"
    work = entry.macs / sum(other.macs or 0 for other in found.classes)
    return f"{shape}: no kernel gap; the class holds {work:.0%} of the network's MACs"


def _layers(checkpoint: str, size: int) -> list[Convolution]:
    supernet = load_checkpoint(checkpoint).supernet.eval()
    return trace_convolutions(StaticGraph(supernet, PathSpec.full(supernet.block_count)), size)


def _duel(maker: Worker, shape: Convolution, threads: int, rounds: int) -> Duel:
    with TemporaryDirectory(prefix="pam-edge-bench-") as folder, ExitStack() as stack:
        maker.call("convolution", shape=shape.as_json(), folder=folder)
        ours = stack.enter_context(Worker("profiling:TracedExecuTorch", threads=threads))
        ours.call("open", folder=folder, threads=threads, shapes=[[1, shape.inputs, shape.height, shape.width]])
        theirs = stack.enter_context(Worker("profiling:OneOperatorLiteRT", threads=threads))
        theirs.call("open", folder=folder, threads=threads)
        samples = take_turns({"executorch": ours, "litert": theirs}, rounds, lambda: None)
        classes = sum_by_class(ours.call("events")["operators"], [shape])
    (rate,) = [entry.rate for entry in classes if entry.rate is not None]  # the file holds one convolution
    return Duel(shape, rate, shape.macs / min(samples["litert"].wall_ms) / 1e6)
