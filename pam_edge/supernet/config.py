"""What a supernet is made of, as data."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pam_edge.names import Name

NETWORK_REVISION = 1
"""Raise this when the network code changes what a configuration means; it is part of the architecture hash."""

STRIDES = (2, 4, 8, 16, 32)
"""Strides of the five levels, shallow to deep."""

MOST_BLOCKS = 64

# Far above what a phone runs: a configuration from a file that nobody vouches for must not ask for any amount of
# memory, and sizes must fit into 64 bits.
_Channels = Annotated[int, Field(ge=1, le=4096, strict=True)]
_Blocks = Annotated[int, Field(ge=0, le=MOST_BLOCKS, strict=True)]
_Kernel = Annotated[int, Field(ge=1, le=31, strict=True)]
_Factor = Annotated[int, Field(ge=1, le=64, strict=True)]


class SupernetConfig(BaseModel):
    """Configuration of one supernet. Tuples run from the shallowest level to the deepest.

    Attributes:
        name: variant name, such as ``pam-tiny``; not part of the architecture. Artifact folders are named after it.
        widths: channels at strides 2, 4, 8, 16, 32. Multiples of 16: XNNPACK tiles output channels by 16 on x86
            and by 8 on ARM, and pads the rest.
        encoder_blocks: choice blocks at strides 4, 8, 16, 32 on the way down.
        decoder_blocks: choice blocks at strides 4, 8, 16 on the way up (run in the order 16, 8, 4).
        kernel_sizes: depthwise kernel at strides 8, 16, 32 (odd). XNNPACK has a fast kernel for 5x5 (17 GMAC/s where
            pointwise ones reach 47) and none for 7x7 (1.7 GMAC/s), which is why the variants stop at 5.
        refine_width: channels at stride 2 from which the head makes the four alphas of each cell.
        expansion: hidden over outer channels in a depthwise block.
        connect_reduction: outer over hidden channels in a connect layer.
        pyramid_pools: stacked stride-1 poolings at the deepest level, before the global one.
        budget_indices: rows of the cost constraint embedding; index 0 is the shortest path, the last the full path.
        embedding_size: length of the cost constraint embedding.
        gate_hidden: hidden width of each gate's MLP.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    widths: tuple[_Channels, _Channels, _Channels, _Channels, _Channels]
    encoder_blocks: tuple[_Blocks, _Blocks, _Blocks, _Blocks]
    decoder_blocks: tuple[_Blocks, _Blocks, _Blocks]
    kernel_sizes: tuple[_Kernel, _Kernel, _Kernel]
    refine_width: _Channels = 16
    expansion: _Factor = 2
    connect_reduction: _Factor = 4
    pyramid_pools: _Factor = 3
    budget_indices: Annotated[int, Field(ge=2, le=1024, strict=True)] = 33
    embedding_size: _Channels = 16
    gate_hidden: _Channels = 16

    @model_validator(mode="after")
    def _check(self) -> SupernetConfig:
        if not 1 <= self.block_count <= MOST_BLOCKS:
            raise ValueError(f"1 to {MOST_BLOCKS} choice blocks are expected, got {self.block_count}")
        if any(size % 2 == 0 for size in self.kernel_sizes):
            raise ValueError(f"kernel sizes must be odd, got {self.kernel_sizes}")
        return self

    @property
    def block_count(self) -> int:
        """Number of choice blocks, L in the paper."""
        return sum(self.encoder_blocks) + sum(self.decoder_blocks)

    @property
    def block_names(self) -> tuple[str, ...]:
        """Names of the choice blocks in execution order, such as ``enc8.1`` (second encoder block at stride 8)."""
        encoder = [f"enc{s}.{i}" for s, n in zip((4, 8, 16, 32), self.encoder_blocks, strict=True) for i in range(n)]
        down_to_up = zip((16, 8, 4), reversed(self.decoder_blocks), strict=True)
        decoder = [f"dec{s}.{i}" for s, n in down_to_up for i in range(n)]
        return tuple(encoder + decoder)

    def architecture_hash(self) -> str:
        """Return twelve hexadecimal digits that change with anything that changes the network's structure."""
        fields = self.model_dump(mode="json", exclude={"name"}) | {"revision": NETWORK_REVISION}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]
