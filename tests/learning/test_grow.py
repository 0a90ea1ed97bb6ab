import pytest
import torch

from pam_edge.errors import UsageError
from pam_edge.learning.grow import grow
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.network import Supernet
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant


def alpha(supernet, path):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, 3, 64, 64), generator=generator).float()
    with torch.inference_mode():
        return supernet.eval()(image, torch.full((1, 1, 64, 64), 128.0), path=path).alpha


@pytest.mark.parametrize("runs", [True, False])
def test_a_grown_supernet_computes_what_the_smaller_one_does(runs):
    small, large = load_checkpoint("pam-tiny").supernet, Supernet(variant("pam-small"))
    before = alpha(large, PathSpec((runs,) * large.block_count))
    grow(small, large)
    expected = alpha(small, PathSpec((runs,) * small.block_count))
    grown = alpha(large, PathSpec((runs,) * large.block_count))
    # New blocks let 99.8 % of each feature through, which is what the difference is.
    assert (grown - expected).abs().max() < 0.02
    assert (before - expected).abs().max() > 0.1


def test_gates_of_a_grown_supernet_choose_as_before():
    small, large = load_checkpoint("pam-tiny").supernet, Supernet(variant("pam-small"))
    grow(small, large)
    name = small.config.block_names[0]
    gates = [net.choice(net.config.block_names.index(name)).gate for net in (small, large)]
    width = gates[0].attention.out_channels
    pooled = torch.rand(1, gates[1].attention.out_channels, 1, 1)
    embedding = torch.rand(1, small.config.embedding_size, 1, 1)
    expected = gates[0].logits(pooled[:, :width], embedding)
    torch.testing.assert_close(gates[1].logits(pooled, embedding), expected)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="pam-small has another widths"):
        grow(Supernet(variant("pam-small")), Supernet(variant("pam-tiny")))
    with pytest.raises(UsageError, match="another kernel_sizes"):
        grow(Supernet(variant("pam-minute")), Supernet(variant("pam-tiny")))
