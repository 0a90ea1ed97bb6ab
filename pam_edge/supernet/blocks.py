"""Building blocks of the supernet.

Every operator here is taken by XNNPACK in LiteRT and ExecuTorch and by Core ML's GPU and Neural Engine: global pools
keep their dimensions, gates are 1x1 convolutions, batch norm follows a convolution and folds into it.
All tensors are float32[N, C, H, W] unless a docstring says otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Make a convolution without bias, followed by batch norm; the output is ceil(input / stride) high and wide."""
    padding = (kernel - stride + 1) // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def residual_branch(*layers: nn.Module) -> nn.Sequential:
    """Chain layers into a residual branch whose last batch norm starts at 0.1, so that depth starts near identity."""
    last = layers[-1]
    if isinstance(last, nn.Sequential) and isinstance(last[-1], nn.BatchNorm2d):
        nn.init.constant_(last[-1].weight, 0.1)
    return nn.Sequential(*layers)


def pool_globally(x: Tensor) -> Tensor:
    """Return the mean over height and width, float32[N, C, 1, 1], in two steps where the map is large.

    Runtimes add up a map cell by cell in float32, where 16,384 equal cells cost five of seven digits. Means of equal
    8x8 windows first, then the mean of those, are the same number with a rounding error some sixty times smaller.
    """
    height, width = x.shape[2:]
    if height % 8 == 0 and width % 8 == 0 and height * width > 64:
        x = torch.nn.functional.avg_pool2d(x, 8)
    return x.mean((2, 3), keepdim=True)


class Sum(nn.Module):
    """The sum of two maps, as a module, so that what it gives can be looked at and stored in another form."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return a tensor of the inputs' shape."""
        return a + b


class Upsample(nn.Module):
    """Twice the height and width, bilinear; a module as ``Sum`` is."""

    def forward(self, x: Tensor) -> Tensor:
        """Return float32[N, C, 2H, 2W]."""
        return nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class Join(nn.Module):
    """The sum of two maps where it is above zero, else zero; a module as ``Sum`` is."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return a tensor of the inputs' shape."""
        return torch.relu(a + b)


class Concatenate(nn.Module):
    """Maps behind each other in their channels; a module as ``Sum`` is."""

    def forward(self, *maps: Tensor) -> Tensor:
        """Return float32[N, sum of C, H, W]."""
        return torch.cat(maps, 1)


class ConvBlock(nn.Module):
    """Regular block of the low levels: 3x3 convolution, ReLU, pointwise convolution, residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = residual_branch(conv_bn(channels, channels, 3), nn.ReLU(), conv_bn(channels, channels))
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        result: Tensor = self.sum(x, self.branch(x))
        return result


class DepthwiseBlock(nn.Module):
    """Block of the high levels: large depthwise convolution, then two pointwise convolutions, residual."""

    def __init__(self, channels: int, kernel: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.branch = residual_branch(
            conv_bn(channels, channels, kernel, groups=channels),
            conv_bn(channels, hidden),
            nn.ReLU(),
            conv_bn(hidden, channels),
        )
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        result: Tensor = self.sum(x, self.branch(x))
        return result


class ConnectLayer(nn.Module):
    """Learnable connect layer (eq. 4), the bypass of a block: two pointwise convolutions, residual."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(16, channels // reduction)
        self.branch = residual_branch(conv_bn(channels, hidden), nn.ReLU(), conv_bn(hidden, channels))
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        result: Tensor = self.sum(x, self.branch(x))
        return result


class Gate(nn.Module):
    """Path selection layer (eq. 3): channel attention, and the logits of the choice between bypass and run."""

    def __init__(self, channels: int, embedding: int, hidden: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(channels, channels, 1)
        self.choice = nn.Sequential(nn.Conv2d(channels + embedding, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 2, 1))

    def attend(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the attended features and the pooled ones, float32[N, C, 1, 1]."""
        pooled = pool_globally(x)
        return x * torch.sigmoid(self.attention(pooled)), pooled

    def logits(self, pooled: Tensor, embedding: Tensor) -> Tensor:
        """Return float32[N, 2], bypass then run, from pooled features and an embedding float32[N, E, 1, 1]."""
        result: Tensor = self.choice(torch.cat([pooled, embedding], 1)).flatten(1)
        return result


class ChoiceBlock(nn.Module):
    """One choice: a gate, the block, and the connect layer that stands in for it.

    ``stored`` is what becomes of the result of either where it has crossed a choice inside of a graph: nothing, unless
    features are quantised.
    """

    def __init__(self, name: str, gate: Gate, block: nn.Module, connect: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.gate = gate
        self.block = block
        self.connect = connect
        self.stored: nn.Module = nn.Identity()

    def take(self, x: Tensor, run: bool) -> Tensor:
        """Run the block or its bypass on attended features for the whole batch."""
        result: Tensor = self.block(x) if run else self.connect(x)
        return result

    def take_each(self, x: Tensor, runs: Tensor) -> Tensor:
        """Run the block for the images where ``runs`` (bool[N]) is true and the bypass for the others."""
        if bool(runs.all()) or not bool(runs.any()):
            return self.take(x, bool(runs[0]))
        result = torch.empty_like(x)
        result[runs] = self.block(x[runs])
        result[~runs] = self.connect(x[~runs])
        return result


class StackedPyramidPooling(nn.Module):
    """Stacked pyramid pooling: poolings of growing reach, each on top of the one before, and a global one, fused.

    The local poolings have stride 1 and a fixed 5x5 window, so that any size that is a multiple of 32 works without
    uneven windows; three of them reach 13 cells. They are maxima: padding then needs no division at the border.
    """

    def __init__(self, channels: int, pools: int) -> None:
        super().__init__()
        hidden = max(16, channels // 2)
        self.reduce = nn.Sequential(conv_bn(channels, hidden), nn.ReLU())
        self.pools = nn.ModuleList(nn.MaxPool2d(5, stride=1, padding=2) for _ in range(pools))
        self.levels = Concatenate()
        self.fuse = conv_bn(hidden * (pools + 1), channels)
        self.context = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))
        self.join = Join()
        self.sum = Sum()

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the input's shape."""
        levels = [self.reduce(x)]
        for pool in self.pools:
            levels.append(pool(levels[-1]))
        context = self.context(pool_globally(x))
        result: Tensor = self.sum(x, self.join(self.fuse(self.levels(*levels)), context))
        return result
