"""Convolution and transposed convolution with every padding rule, in one to three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional as F

from pam_edge.errors import ArtifactError
from pam_edge.runtimes.coreml.operator import Operator

Pads = list[tuple[int, int]]
"""Padding before and after, per spatial dimension."""

_CONV: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: F.conv_transpose1d,
    2: F.conv_transpose2d,
    3: F.conv_transpose3d,
}


def spatial_pads(
    pad_type: str,
    pad: Sequence[int] | None,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
) -> Pads:
    """Return explicit padding for a padding rule.

    Args:
        pad_type: ``valid``, ``custom``, ``same`` (odd element after) or ``same_lower`` (odd element before).
        pad: before and after for each dimension in turn, for ``custom``.
        sizes: spatial sizes of the input.
        kernel: window sizes, dilation included.
        strides: strides.

    Raises:
        ArtifactError: if the rule is unknown or ``pad`` is of the wrong length.
    """
    if pad_type == "valid":
        return [(0, 0)] * len(sizes)
    if pad_type == "custom":
        if pad is None or len(pad) != 2 * len(sizes):
            raise ArtifactError(f"expected {2 * len(sizes)} numbers for custom padding; found {pad}")
        return [(pad[2 * i], pad[2 * i + 1]) for i in range(len(sizes))]
    if pad_type not in ("same", "same_lower"):
        raise ArtifactError(f"expected the padding valid, custom, same or same_lower; found {pad_type!r}")
    totals = [max(0, (-(-n // s) - 1) * s + k - n) for n, k, s in zip(sizes, kernel, strides, strict=True)]
    small = [(total // 2, total - total // 2) for total in totals]
    return small if pad_type == "same" else [(after, before) for before, after in small]


def pad_spatial(x: Tensor, pads: Pads, value: float = 0.0) -> Tensor:
    """Pad the last dimensions with a constant; ``pads`` is in dimension order, PyTorch's is reversed."""
    flat = [size for before_after in reversed(pads) for size in before_after]
    return F.pad(x, flat, value=value) if any(flat) else x


def _dilated(kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]


def _per_dimension(value: Sequence[int] | None, rank: int, what: str) -> list[int]:
    if value is None:
        return [1] * rank
    if len(value) != rank:
        raise ArtifactError(f"expected {rank} {what}; found {list(value)}")
    return list(value)


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Sequence[int] | None = None,
    pad_type: str = "valid",
    pad: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Convolve float32[N, C, ...] with float32[O, C / groups, ...]."""
    rank = x.dim() - 2
    strides = _per_dimension(strides, rank, "strides")
    dilations = _per_dimension(dilations, rank, "dilations")
    pads = spatial_pads(pad_type, pad, x.shape[2:], _dilated(weight.shape[2:], dilations), strides)
    if all(before == after for before, after in pads):
        padding = [before for before, _ in pads]
    else:
        x, padding = pad_spatial(x, pads), [0] * rank
    return _CONV[rank](x, weight, bias, strides, padding, dilations, groups)


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pad: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    pad_type: str = "valid",
    strides: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Convolve float32[N, C, ...] with float32[C, O / groups, ...], transposed.

    The whole result is computed first, then cropped: ``same`` keeps ``size * stride`` elements and crops the smaller
    half in front; ``output_shape`` keeps as many as it says.
    """
    rank = x.dim() - 2
    strides = _per_dimension(strides, rank, "strides")
    dilations = _per_dimension(dilations, rank, "dilations")
    whole = [
        (n - 1) * s + k for n, s, k in zip(x.shape[2:], strides, _dilated(weight.shape[2:], dilations), strict=True)
    ]
    wanted = list(output_shape[2:]) if output_shape is not None else None
    crops = _crops(pad_type, pad, whole, x.shape[2:], strides, wanted)
    if all(before == after >= 0 for before, after in crops):
        padding = [before for before, _ in crops]
        return _TRANSPOSED[rank](x, weight, bias, strides, padding, 0, groups, dilations)
    y = pad_spatial(_TRANSPOSED[rank](x, weight, None, strides, 0, 0, groups, dilations), [(-a, -b) for a, b in crops])
    return y if bias is None else y + bias.reshape([1, -1] + [1] * rank)


def _crops(
    pad_type: str,
    pad: Sequence[int] | None,
    whole: Sequence[int],
    sizes: Sequence[int],
    strides: Sequence[int],
    wanted: Sequence[int] | None,
) -> Pads:
    """Return how much to cut before and after; a negative number means zeros added there."""
    if pad_type == "same":
        wanted = wanted or [n * s for n, s in zip(sizes, strides, strict=True)]
        totals = [w - keep for w, keep in zip(whole, wanted, strict=True)]
        return [(max(total, 0) // 2, total - max(total, 0) // 2) for total in totals]
    pads = spatial_pads(pad_type, pad, sizes, [1] * len(sizes), strides)
    if wanted is None:
        return pads
    return [(before, w - before - keep) for (before, _), w, keep in zip(pads, whole, wanted, strict=True)]


OPERATORS: dict[str, Operator] = {
    "conv": Operator(conv),
    "conv_transpose": Operator(conv_transpose),
}
