"""A supernet with something done to its convolutions and to each map of features that it makes.

part          layers that are changed                              features that are stored
stem          conv, relu                                           what goes in, what comes out
enc8.1        block, connect layer, attention                      after each conv (and its relu), the sums,
                                                                   what is attended to; not by what a gate chooses
lateral8      conv, upsampling, join with the skip                 after each
head          conv                                                 none: alpha stays as it is
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import nn

from pam_edge.graphs.fold import fold_batch_norm
from pam_edge.quantisation.layers import Then
from pam_edge.supernet.blocks import ChoiceBlock, Concatenate, Gate, Join, Sum, Upsample
from pam_edge.supernet.config import STRIDES
from pam_edge.supernet.network import Supernet

INPUT = "input"
"""Site of what the stem takes: the normalised image and the trimap's regions."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a part of a network.

    Attributes:
        conv: what stands in the place of a convolution of maps, batch norm folded in.
        store: what follows the layer that makes a map, by the map's site; None for nothing.
        choice: what stands in the place of a convolution by which a gate chooses; its features are never stored.
    """

    conv: Callable[[nn.Conv2d], nn.Module]
    store: Callable[[str], nn.Module | None]
    choice: Callable[[nn.Conv2d], nn.Module]


def unchanged(conv: nn.Conv2d) -> nn.Conv2d:
    """Leave a convolution as it is."""
    return conv


def is_output(site: str) -> bool:
    """Return whether a site is what its part gives to the parts after it, rather than inside of the part."""
    return _INSIDE.search(site) is None


def parts_of(network: Supernet) -> dict[str, list[tuple[str, nn.Module]]]:
    """Return a network's parts in order, by name; each is one or more modules with their names in the network.

    A choice block is one part: its block, its connect layer and the attended features. Gates are no part of any.
    """
    config = network.config
    parts = {"stem": ["stem"]}
    parts |= {f"down{stride}": [f"downs.{i}"] for i, stride in enumerate(STRIDES[1:])}
    parts |= {name: [f"blocks.{i}"] for i, name in enumerate(config.block_names)}
    parts |= {"pyramid": ["pyramid"]}
    laterals = enumerate(STRIDES[-2::-1])
    parts |= {f"lateral{s}": [f"laterals.{i}", f"upsamples.{i}", f"joins.{i}"] for i, s in laterals}
    parts |= {"refine": ["refine"], "head": ["head"]}
    return {part: [(name, network.get_submodule(name)) for name in names] for part, names in parts.items()}


def change(supernet: Supernet, change_of: Callable[[str], Change]) -> Supernet:
    """Return a copy of a supernet, batch norm folded, with each part changed as its name says."""
    network = fold_batch_norm(supernet)
    for part, modules in parts_of(network).items():
        for name, module in modules:
            changed = _change_module(name, module, change_of(part))
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, changed)
    store = change_of("stem").store(INPUT)
    network.stem = nn.Sequential(*([store] if store else []), network.stem)
    return network


def sites_of(network: Supernet) -> frozenset[str]:
    """Return where a network's features can be stored."""
    sites: set[str] = set()

    def note(site: str) -> None:
        sites.add(site)

    change(network, lambda _: Change(unchanged, note, unchanged))
    return frozenset(sites)


_INSIDE = re.compile(rf"^{INPUT}$|\.attended$|\.branch\.|\.gate\.|^laterals\.|^pyramid\.(?!sum)")

_MAPS = (Concatenate, Join, Sum, Upsample, nn.MaxPool2d)
"""Layers without weights that make a map."""

_CONTEXT = "context"
"""As attention, layers of what is pooled to one number a channel."""


def _change_module(name: str, module: nn.Module, to: Change) -> nn.Module:
    """Return what stands in the place of a module: the module itself, changed inside, or another."""
    if isinstance(module, nn.Sequential):
        return _change_chain(name, module, to)
    if isinstance(module, nn.Conv2d):
        return to.conv(module)
    if isinstance(module, _MAPS):
        return _stored(module, to.store(_site(name)))
    if isinstance(module, Gate):
        module.add_module("attention", _change_pooled(f"{name}.attention", module.attention, to))
        layers = (to.choice(each) if isinstance(each, nn.Conv2d) else each for each in module.choice)
        module.choice = nn.Sequential(*layers)
        return module
    for own, child in list(module.named_children()):
        change_child = _change_pooled if own == _CONTEXT else _change_module
        setattr(module, own, change_child(f"{name}.{own}", child, to))
    if isinstance(module, ChoiceBlock):
        attended = f"{name}.attended"
        module.block, module.connect = _before(attended, module.block, to), _before(attended, module.connect, to)
        module.stored = to.store(f"{name}.sum") or module.stored
    return module


def _site(name: str) -> str:
    """Return the site of what a layer makes; largest values, rows of maps and maps made larger keep their input's."""
    keeps = name.startswith("pyramid.pools.") or name == "pyramid.levels"
    name = re.sub(r"^upsamples\.(\d+)$", r"laterals.\1.0", name)
    # Either of a choice's branches gives its result on one grid: what comes after does not know which it was.
    return "pyramid.reduce.1" if keeps else re.sub(r"\.(block|connect)\.sum$", ".sum", name)


def _change_chain(name: str, chain: nn.Sequential, to: Change) -> nn.Module:
    """Change a chain of convolutions and relus, flat or nested; what a relu follows is stored after it."""
    layers = list(flat_layers(chain))
    changed: list[nn.Module] = []
    for index, layer in enumerate(layers):
        changed.append(to.conv(layer) if isinstance(layer, nn.Conv2d) else layer)
        is_last = index + 1 == len(layers) or isinstance(layers[index + 1], nn.Conv2d)
        store = to.store(f"{name}.{index}") if is_last else None
        changed += [store] if store else []
    return nn.Sequential(*changed)


def _change_pooled(name: str, chain: nn.Module, to: Change) -> nn.Module:
    """Change one or more layers whose input, pooled features, is not stored yet."""
    return _before(f"{name}.pooled", _change_chain(name, nn.Sequential(chain), to), to)


def flat_layers(chain: nn.Sequential) -> Iterator[nn.Module]:
    """Yield the layers of a chain, and of chains inside of it, in order."""
    for layer in chain:
        if isinstance(layer, nn.Sequential):
            yield from flat_layers(layer)
        else:
            yield layer


def _before(site: str, branch: nn.Module, to: Change) -> nn.Module:
    """Store what a branch is given: the features after attention, which graphs that choose compute inside of it."""
    store = to.store(site)
    return branch if store is None else nn.Sequential(store, branch)


def _stored(layer: nn.Module, store: nn.Module | None) -> nn.Module:
    return layer if store is None else Then(layer, store)
