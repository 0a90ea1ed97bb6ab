"""Costs per block from a runtime's own operator profile: LiteRT's ``benchmark_model`` CSV, or ExecuTorch's ETDump.

A delegate keeps the graph's order, so that the k-th convolution in a profile is the k-th convolution of the path. An
operator that is none belongs to the part whose convolution came last; it does so whether a block runs or is bypassed,
so that sums over a path are right wherever the border lies. Profilers slow a runtime down a little, and do not count
what happens between operators: timings of a probe (``samples``) are to be preferred where both can be had.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pam_edge.errors import ProfileError
from pam_edge.measuring.benchmark_csv import read_benchmark_csv
from pam_edge.supernet.config import SupernetConfig
from pam_edge.supernet.path import PathSpec

FIXED = -1
"""Part of the network outside of all blocks."""

_CONVOLUTIONS = ("convolution", "fully connected", "conv_2d", "depthwise_conv_2d", "fully_connected")
_WHOLE_DELEGATE = ("delegate", "tflitexnnpackdelegate")


@dataclass(frozen=True, slots=True)
class OperatorTime:
    """One operator of a profile: the runtime's name for it, and its time, averaged over the profile's runs."""

    name: str
    ms: float

    @property
    def is_convolution(self) -> bool:
        """Whether it multiplies by weights."""
        return self.name.lower().startswith(_CONVOLUTIONS)


def read_operator_times(file: Path) -> list[OperatorTime]:
    """Read a profile, by its suffix: ``.csv``, or ``.etdp``/``.etdump``.

    Raises:
        ProfileError: if it cannot be read, holds no operators, or times that are none.
    """
    match file.suffix.lower():
        case ".csv":
            times = [OperatorTime(name, ms) for name, ms in read_benchmark_csv(file)]
        case ".etdp" | ".etdump":
            times = _read_etdump(file)
        case _:
            raise ProfileError(f"Expected an operator profile (.csv, .etdp or .etdump); got {file}.")
    times = [time for time in times if not time.name.lower().startswith(_WHOLE_DELEGATE)]
    if not times:
        raise ProfileError(f"{file} holds no operators in order of execution. Profile again, with operators on.")
    _check_times(times, file)
    return times


def _check_times(times: Sequence[OperatorTime], file: Path) -> None:
    for time in times:
        if not (math.isfinite(time.ms) and time.ms >= 0):
            raise ProfileError(f"{file}: expected milliseconds for {time.name!r}; got {time.ms}. Profile again.")
    if not any(time.ms for time in times):
        raise ProfileError(f"{file}: expected operators that take time; got 0 ms for all. Profile more runs.")


def _read_etdump(file: Path) -> list[OperatorTime]:
    from pam_edge.workers import run_in_worker

    if not file.is_file():
        raise ProfileError(f"There is no operator profile {file}. Check the path.")
    found = run_in_worker("pam_edge.measuring.operator_profile:read_etdump", {"file": str(file)})
    return [OperatorTime(name, ms) for name, ms in found["operators"]]


def read_etdump(payload: dict[str, Any]) -> dict[str, Any]:
    """Return name and mean milliseconds of each operator inside the delegate, in order; runs in a worker."""
    from executorch.devtools import Inspector

    try:
        blocks = Inspector(etdump_path=payload["file"]).event_blocks
    except Exception as error:  # whatever the parser of another package raises on a damaged file
        raise ProfileError(f"{payload['file']} is not a readable ETDump: {error!r}. Copy it again.") from error
    events = [event for block in blocks if block.name == "Execute" for event in block.events]
    return {"operators": [[event.name, float(event.perf_data.avg)] for event in events if event.is_delegated_op]}


def by_part(times: Sequence[OperatorTime], parts: Sequence[int], file: Path) -> dict[int, float]:
    """Return milliseconds by part: a block's number, or ``FIXED``.

    Args:
        times: in order of execution.
        parts: of each convolution of the path, in order.
        file: for the message.

    Raises:
        ProfileError: if the profile has another number of convolutions than the path.
    """
    found = sum(time.is_convolution for time in times)
    if found != len(parts):
        raise ProfileError(
            f"{file}: expected the {len(parts)} convolutions of its entry point's path; it has {found}. It is of "
            "another file, or of one that the delegate took in pieces."
        )
    remaining, current = iter(parts), FIXED
    sums: dict[int, float] = {}
    for time in times:
        current = next(remaining) if time.is_convolution else current
        sums[current] = sums.get(current, 0.0) + time.ms
    return sums


def convolution_parts(config: SupernetConfig, height: int, width: int, path: PathSpec) -> list[int]:
    """Return the part of each convolution of a static path, in order of execution; nothing but shapes is computed."""
    import torch
    from torch import Tensor, nn

    from pam_edge.supernet.macs import shapes_alone

    network = shapes_alone(config)
    parts: list[int] = []

    def take(index: int, x: Tensor) -> Tensor:
        choice = network.choice(index)
        return choice.take(choice.gate.attend(x)[0], run=path.runs[index])

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(partial(_record, parts, _part(name)))
    image, trimap = (torch.empty(1, channels, height, width, device="meta") for channels in (3, 1))
    with torch.no_grad():
        network.trunk(image, trimap, take)
    return parts


def _part(module: str) -> int:
    """Return a convolution's part by its module's name; channel attention runs on every path, and is fixed."""
    names = module.split(".")
    return int(names[1]) if names[0] == "blocks" and names[2] in ("block", "connect") else FIXED


def _record(parts: list[int], part: int, *_: object) -> None:
    parts.append(part)
