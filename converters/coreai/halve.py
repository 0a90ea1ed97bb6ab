"""Half precision for what is of the picture's size; what decides stays in single precision.

part                                    computes in
stem to head, branches, pyramid         half
attention                               single, given as half
gates, embedding, governor, ends        single

coreai-torch's own cast of a program to half precision fails where it has conditionals.
"""

from __future__ import annotations

from torch import Tensor, nn

from pam_edge.graphs.static import Taken
from pam_edge.supernet.blocks import ChoiceBlock
from pam_edge.supernet.network import Supernet


class _Single(nn.Module):
    """Layers in single precision, between features in half."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x.float())
        return result.to(x.dtype)


def halve(network: Supernet) -> None:
    """Let a graph's network compute in half precision, in place: of a graph, batch norm folded.

    Image and trimap go in, and alpha comes out, in single precision.
    """
    for part in (network.stem, network.downs, network.pyramid, network.laterals, network.refine, network.head):
        _halve_parameters(part)
    network.stem.register_forward_pre_hook(lambda _, inputs: (inputs[0].half(),))
    network.head.register_forward_hook(lambda _, __, output: output.float())
    for block in network.blocks:
        _halve_block(block)


def _halve_parameters(part: nn.Module) -> None:
    """Leave what is no parameter: the scales of integer weights."""
    for parameter in part.parameters():
        parameter.data = parameter.data.half()


def _halve_block(block: nn.Module) -> None:
    if isinstance(block, ChoiceBlock):
        _halve_parameters(block.block)
        _halve_parameters(block.connect)
        block.gate.add_module("attention", _Single(block.gate.attention))
        block.gate.choice.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
    else:
        assert isinstance(block, Taken), "a graph's blocks choose, or have chosen"
        _halve_parameters(block.branch)
        block.add_module("attention", _Single(block.attention))
