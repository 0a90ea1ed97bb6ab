"""The supernet: one matting network that holds many, and picks its own path per image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pam_edge.errors import UsageError
from pam_edge.supernet.blocks import (
    ChoiceBlock,
    ConnectLayer,
    ConvBlock,
    DepthwiseBlock,
    Gate,
    Join,
    StackedPyramidPooling,
    Upsample,
    conv_bn,
)
from pam_edge.supernet.config import STRIDES, SupernetConfig
from pam_edge.supernet.path import PathSpec

BACKGROUND_BELOW = 64.0
FOREGROUND_FROM = 192.0
IMAGE_MEAN = (123.675, 116.28, 103.53)
IMAGE_STD = (58.395, 57.12, 57.375)
"""ImageNet's channel statistics in 0..255, RGB: the convention of published matting networks."""

Step = Callable[[int, Tensor], Tensor]
"""What happens at choice block ``l``: takes its index and input features, returns its output features."""


@dataclass(frozen=True, slots=True)
class SupernetOutput:
    """Result of one forward pass.

    Attributes:
        alpha: float32[N, 1, H, W] in [0, 1]; exactly 0 and 1 where the trimap says background and foreground.
        runs: bool[N, L], the path of each image.
        logits: float32[N, L, 2], bypass then run; None when the path was forced.
    """

    alpha: Tensor
    runs: Tensor
    logits: Tensor | None


def split_trimap(trimap: Tensor, channel_dim: int = 1) -> Tensor:
    """Return background, unknown and foreground as three channels of exact zeros and ones.

    Uses clamp and floor alone, since comparisons are not taken by every delegate. ``floor(clamp(t, 191, 192) - 191)``
    is exact in float32 and float16: the subtraction is exact near the threshold, and only ``t >= 192`` reaches one.
    (A clamp to [0, 1] becomes an operator in LiteRT that XNNPACK does not take.)

    Args:
        trimap: float32[N, 1, H, W] or [N, H, W, 1], 0..255; background below 64, foreground from 192.
        channel_dim: 1 or -1, where the channel is.

    Returns:
        The same with three channels: background, unknown, foreground.
    """
    foreground = reaches(trimap, FOREGROUND_FROM)
    not_background = reaches(trimap, BACKGROUND_BELOW)
    return torch.cat([1.0 - not_background, not_background - foreground, foreground], channel_dim)


def reaches(greys: Tensor, threshold: float) -> Tensor:
    """Return 1 where a grey reaches a threshold, and 0 where it is one less or lower; exact: see ``split_trimap``."""
    return torch.floor(torch.clamp(greys, threshold - 1.0, threshold) - (threshold - 1.0))


def compose_alpha(raw: Tensor, trimap: Tensor) -> Tensor:
    """Clamp a raw alpha to [0, 1] where the trimap is unknown and impose the trimap elsewhere, exactly.

    The limits are 0 and 1, 0 and 0, or 1 and 1. They are made from the trimap once more: what they are made of need not
    be kept while the network runs. Both arguments have one channel.
    """
    lower, upper = reaches(trimap, FOREGROUND_FROM), reaches(trimap, BACKGROUND_BELOW)
    return torch.minimum(torch.maximum(raw, lower), upper)


def shuffle_pixels(cells: Tensor) -> Tensor:
    """Spread four channels over 2x2 pixels: float32[N, 4, H, W] to float32[N, 1, 2H, 2W].

    The same as ``pixel_shuffle(cells, 2)``, written with five dimensions: XNNPACK takes it in both runtimes.
    """
    n, _, height, width = cells.shape
    return cells.reshape(n, 2, 2, height, width).permute(0, 3, 1, 4, 2).reshape(n, 1, 2 * height, 2 * width)


class Supernet(nn.Module):
    """Path-adaptive matting network (METHOD.md; paper, section Architecture).

    ``forward`` runs a forced path, or the path that the gates choose for each image and budget index.
    ``trunk`` is the same computation with the choice left to the caller; graphs for export are made of it.
    """

    image_mean: Tensor
    image_std: Tensor

    def __init__(self, config: SupernetConfig) -> None:
        super().__init__()
        self.config = config
        w2, w4, w8, w16, w32 = config.widths
        self.register_buffer("image_mean", torch.tensor(IMAGE_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("image_std", torch.tensor(IMAGE_STD).view(3, 1, 1), persistent=False)
        self.embedding = nn.Embedding(config.budget_indices, config.embedding_size)
        self.stem = nn.Sequential(conv_bn(6, w2, 3, stride=2), nn.ReLU())
        self.downs = nn.ModuleList(
            [
                nn.Sequential(conv_bn(w2, w4, 3, stride=2), nn.ReLU()),
                nn.Sequential(conv_bn(w4, w8, 3, stride=2), nn.ReLU()),
                conv_bn(w8, w16, 2, stride=2),
                conv_bn(w16, w32, 2, stride=2),
            ]
        )
        self.pyramid = StackedPyramidPooling(w32, config.pyramid_pools)
        self.laterals = nn.ModuleList([conv_bn(w32, w16), conv_bn(w16, w8), conv_bn(w8, w4), conv_bn(w4, w2)])
        self.upsamples = nn.ModuleList(Upsample() for _ in self.laterals)
        self.joins = nn.ModuleList(Join() for _ in self.laterals)
        self.blocks = nn.ModuleList(self._make_block(name) for name in config.block_names)
        self.refine = nn.Sequential(conv_bn(w2, config.refine_width, 3), nn.ReLU())
        self.head = nn.Conv2d(config.refine_width, 4, 1)
        self._initialise()

    def _make_block(self, name: str) -> ChoiceBlock:
        config, stride = self.config, int(name.split(".")[0][3:])
        channels = config.widths[STRIDES.index(stride)]
        if stride <= 4:
            block: nn.Module = ConvBlock(channels)
        else:
            block = DepthwiseBlock(channels, config.kernel_sizes[(8, 16, 32).index(stride)], config.expansion)
        gate = Gate(channels, config.embedding_size, config.gate_hidden)
        return ChoiceBlock(name, gate, block, ConnectLayer(channels, config.connect_reduction))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.normal_(self.head.weight, std=0.02)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, 0.5)

    @property
    def block_count(self) -> int:
        """Number of choice blocks."""
        return len(self.blocks)

    def choice(self, index: int) -> ChoiceBlock:
        """Return choice block ``index`` (typed access; ``blocks`` holds plain modules)."""
        block = self.blocks[index]
        assert isinstance(block, ChoiceBlock)
        return block

    def trunk(self, image: Tensor, trimap: Tensor, step: Step) -> Tensor:
        """Compute alpha with ``step`` deciding what happens at each choice block.

        Args:
            image: float32[N, 3, H, W], RGB, 0..255; H and W multiples of 32.
            trimap: float32[N, 1, H, W], 0..255.
            step: called once per choice block, in order.

        Returns:
            float32[N, 1, H, W] in [0, 1].
        """
        normalised = (image - self.image_mean) / self.image_std
        raw = self.body(torch.cat([normalised, split_trimap(trimap)], 1), step)
        return compose_alpha(raw, trimap)

    def body(self, x: Tensor, step: Step) -> Tensor:
        """Compute the raw alpha, neither clamped nor limited to the unknown region.

        Args:
            x: float32[N, 6, H, W], normalised image and the trimap's three regions.
            step: called once per choice block, in order.

        Returns:
            float32[N, 1, H, W].
        """
        indices = iter(range(self.block_count))

        def run_blocks(x: Tensor, count: int) -> Tensor:
            for _ in range(count):
                x = step(next(indices), x)
            return x

        x = self.stem(x)
        skips = [x]
        for down, count in zip(self.downs, self.config.encoder_blocks, strict=True):
            x = run_blocks(down(x), count)
            skips.append(x)
        x = self.pyramid(skips.pop())
        counts = (*reversed(self.config.decoder_blocks), 0)
        for lateral, upsample, join, count in zip(self.laterals, self.upsamples, self.joins, counts, strict=True):
            x = run_blocks(join(upsample(lateral(x)), skips.pop()), count)
        return shuffle_pixels(self.head(self.refine(x)))

    def forward(
        self,
        image: Tensor,
        trimap: Tensor,
        *,
        path: PathSpec | None = None,
        budget_index: Tensor | None = None,
    ) -> SupernetOutput:
        """Matte a batch along a forced path, or along the path that the gates choose for each image.

        Args:
            image: float32[N, 3, H, W], RGB, 0..255; H and W multiples of 32.
            trimap: float32[N, 1, H, W], 0 background, 128 unknown, 255 foreground.
            path: forced for the whole batch; the gates are then not evaluated.
            budget_index: int64[N], row of the cost constraint embedding; needed when no path is forced.

        Raises:
            UsageError: if shapes do not fit, or neither or both of ``path`` and ``budget_index`` are given.
        """
        self._check_inputs(image, trimap)
        if (path is None) == (budget_index is None):
            raise UsageError("Give either a path or a budget_index: one decides which blocks run, not both.")
        if path is not None:
            return self._forward_forced(image, trimap, path)
        assert budget_index is not None
        return self._forward_gated(image, trimap, budget_index)

    def _check_inputs(self, image: Tensor, trimap: Tensor) -> None:
        n, _, height, width = image.shape
        if image.shape[1] != 3 or trimap.shape != (n, 1, height, width):
            raise UsageError(
                f"Expected image [N, 3, H, W] and trimap [N, 1, H, W] of one size; got {list(image.shape)} and "
                f"{list(trimap.shape)}."
            )
        if height % STRIDES[-1] or width % STRIDES[-1]:
            raise UsageError(f"Height and width must be multiples of {STRIDES[-1]}; got {height}x{width}. Pad first.")

    def _forward_forced(self, image: Tensor, trimap: Tensor, path: PathSpec) -> SupernetOutput:
        if len(path) != self.block_count:
            raise UsageError(f"{self.config.name} has {self.block_count} blocks; the path {path} has {len(path)}.")

        def step(index: int, x: Tensor) -> Tensor:
            choice = self.choice(index)
            return choice.take(choice.gate.attend(x)[0], path.runs[index])

        runs = torch.tensor(path.runs, device=image.device).expand(len(image), -1)
        return SupernetOutput(self.trunk(image, trimap, step), runs, None)

    def _forward_gated(self, image: Tensor, trimap: Tensor, budget_index: Tensor) -> SupernetOutput:
        embedding = self.embedding(budget_index)[:, :, None, None]
        logits: list[Tensor] = []

        def step(index: int, x: Tensor) -> Tensor:
            choice = self.choice(index)
            attended, pooled = choice.gate.attend(x)
            logits.append(choice.gate.logits(pooled, embedding))
            return choice.take_each(attended, logits[-1][:, 1] > logits[-1][:, 0])

        alpha = self.trunk(image, trimap, step)
        stacked = torch.stack(logits, 1)
        return SupernetOutput(alpha, stacked[:, :, 1] > stacked[:, :, 0], stacked)
