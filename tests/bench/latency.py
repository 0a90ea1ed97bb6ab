"""Latency and peak memory per image of one subnet, in every form of it, beside the machine's GEMM rate."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pam_edge.supernet.macs import count_macs
from pam_edge.supernet.variants import variant
from tests.bench.forms import Say
from tests.bench.gemm import GMACS
from tests.bench.rounds import Ratio, Samples, compare, take_turns
from tests.bench.worker import Worker

LITERT, EXECUTORCH, ONNX = "LiteRT", "ExecuTorch", "ONNX Runtime"
EAGER, CHANNELS_LAST = "PyTorch eager", "PyTorch eager, channels-last"
LITERT_CALL, EXECUTORCH_CALL = "LiteRT via pam_edge.runtimes", "ExecuTorch via pam_edge.runtimes"
COREML_REFERENCE = "Core ML fp16, reference runtime"
CONTENDERS = {
    LITERT: "contenders:LiteRT",
    EXECUTORCH: "contenders:ExecuTorch",
    EAGER: "contenders:Eager",
    CHANNELS_LAST: "contenders:EagerChannelsLast",
    ONNX: "contenders:OnnxRuntime",
    LITERT_CALL: "contenders:LiteRTCall",
    EXECUTORCH_CALL: "contenders:ExecuTorchCall",
    COREML_REFERENCE: "contenders:CoreMLReference",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What one contender took.

    Attributes:
        model_bytes: growth of the resident set while the model loaded.
        peak_bytes: peak of the resident set from before loading to after the last run, minus the resident set after
            imports and before loading: model, working memory, output, and library code first touched by running.
        mapped_bytes: growth of file pages over the same time: mostly library code that ran for the first time.
        max_abs_error: largest difference of its alpha from PyTorch eager's, over all pixels.
    """

    samples: Samples
    model_bytes: int
    peak_bytes: int
    mapped_bytes: int
    max_abs_error: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One subnet's contenders, measured in turns.

    Attributes:
        gmacs: multiply-accumulates of the full path, in 1e9.
        gemm: times of the matrix product that took its turn in every round.
    """

    checkpoint: str
    size: int
    threads: int
    gmacs: float
    standings: dict[str, Standing]
    gemm: Samples

    @property
    def better_eager(self) -> str:
        """The eager layout with the smaller median latency."""
        return min((EAGER, CHANNELS_LAST), key=lambda name: self.standings[name].samples.median_ms)

    @property
    def gemm_rate(self) -> float:
        """GMAC/s of the matrix product, from its median wall time."""
        return GMACS / self.gemm.median_ms * 1e3

    @property
    def core_share(self) -> float | None:
        """Processor time over wall time of the GEMM, medians: below 1 others had the core. None with more threads."""
        return self.gemm.cpu_median_ms / self.gemm.median_ms if self.threads == 1 else None

    def rate(self, name: str) -> float:
        """GMAC/s of a contender, from its median wall time."""
        return self.gmacs / self.standings[name].samples.median_ms * 1e3

    def gemm_share(self, name: str) -> Ratio:
        """Return a contender's share of the GEMM rate: time per MAC of the product over time per MAC of the network."""
        share = compare(self.gemm, self.standings[name].samples)
        scale = self.gmacs / GMACS
        return Ratio(share.median * scale, share.low * scale, share.high * scale, share.cpu_median * scale)

    def ratio(self, slower: str, faster: str) -> Ratio:
        """Return how many times longer ``slower`` takes."""
        return compare(self.standings[slower].samples, self.standings[faster].samples)

    def memory_ratio(self, name: str, eager: str) -> float:
        """Return peak memory as a share of one eager layout's."""
        return self.standings[name].peak_bytes / self.standings[eager].peak_bytes

    def unmapped_memory_ratio(self, name: str, eager: str) -> float:
        """Return the same without mapped pages: memory that was allocated, weights and working memory."""
        ours, theirs = self.standings[name], self.standings[eager]
        return (ours.peak_bytes - ours.mapped_bytes) / (theirs.peak_bytes - theirs.mapped_bytes)


def measure(folder: str, checkpoint: str, *, size: int, threads: int, rounds: int, say: Say) -> Comparison:
    """Let all contenders take turns.

    Args:
        folder: where ``make_forms`` wrote every form of the full path.
        checkpoint: name of a variant; untrained weights take as long as trained ones.
        say: called with what is being done.
    """
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(kind, threads=threads)) for name, kind in CONTENDERS.items()}
        loaded = {name: w.call("open", folder=folder, threads=threads, size=size) for name, w in workers.items()}
        gemm = stack.enter_context(Worker("gemm:Gemm", threads=threads))
        gemm.call("open", threads=threads)
        counter = iter(range(1, 10**6))
        samples = take_turns(
            workers | {"GEMM": gemm}, rounds, lambda: say(f"{checkpoint}: {next(counter)} rounds with warm-up")
        )
        peaks = {name: worker.call("peak") for name, worker in workers.items()}
        errors = _errors(workers, Path(folder))
    standings = {
        name: Standing(
            samples=samples[name],
            model_bytes=memory["loaded_bytes"] - memory["before_bytes"],
            peak_bytes=peaks[name]["peak_bytes"] - memory["before_bytes"],
            mapped_bytes=peaks[name]["mapped_bytes"] - memory["mapped_before_bytes"],
            max_abs_error=errors[name],
        )
        for name, memory in loaded.items()
    }
    gmacs = count_macs(variant(checkpoint), size, size).full / 1e9
    return Comparison(checkpoint, size, threads, gmacs, standings, samples["GEMM"])


def _errors(workers: dict[str, Worker], folder: Path) -> dict[str, float]:
    """Return each contender's largest difference from eager's alpha, after all timing is done."""
    file = folder / "alpha.npy"

    def alpha(worker: Worker) -> np.ndarray:
        worker.call("save_alpha", file=str(file))
        return np.asarray(np.load(file))

    expected = alpha(workers[EAGER])
    return {name: float(np.abs(alpha(worker) - expected).max()) for name, worker in workers.items()}
