"""The supernets that ship, as data.

Sizes of the full path at 1024x1024: ``pam-base`` is the paper's (7.1 M parameters, 72 to 75 GMACs), ``pam-small``
costs a third of it and ``pam-tiny`` a seventh. ``pam-minute`` is for tests: it converts in seconds.
"""

from __future__ import annotations

from pam_edge.errors import UsageError
from pam_edge.supernet.config import SupernetConfig

VARIANTS: dict[str, SupernetConfig] = {
    config.name: config
    for config in (
        SupernetConfig(
            name="pam-base",
            widths=(64, 112, 192, 240, 304),
            encoder_blocks=(2, 5, 6, 2),
            decoder_blocks=(2, 2, 2),
            kernel_sizes=(5, 5, 5),
            refine_width=32,
        ),
        SupernetConfig(
            name="pam-small",
            widths=(48, 64, 128, 128, 208),
            encoder_blocks=(1, 4, 5, 2),
            decoder_blocks=(1, 2, 1),
            kernel_sizes=(5, 5, 5),
            refine_width=32,
        ),
        SupernetConfig(
            name="pam-tiny",
            widths=(32, 48, 96, 96, 128),
            encoder_blocks=(1, 3, 3, 1),
            decoder_blocks=(1, 1, 1),
            kernel_sizes=(5, 5, 5),
            refine_width=16,
        ),
        SupernetConfig(
            name="pam-minute",
            widths=(8, 32, 32, 32, 32),
            encoder_blocks=(1, 1, 1, 0),
            decoder_blocks=(1, 0, 0),
            kernel_sizes=(3, 3, 3),
            refine_width=8,
            pyramid_pools=1,
            budget_indices=5,
            embedding_size=4,
            gate_hidden=4,
        ),
    )
}


def variant(name: str) -> SupernetConfig:
    """Return the configuration of a named variant.

    Raises:
        UsageError: if there is no such variant.
    """
    if name not in VARIANTS:
        raise UsageError(f"Expected one of the variants {', '.join(VARIANTS)}; got {name!r}.")
    return VARIANTS[name]
