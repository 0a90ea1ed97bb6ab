"""Parity compares each picture with its own reference."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from pam_edge.errors import UsageError
from pam_edge.evaluation.parity import Colours, Reference, check_entry_point, to_tensors
from pam_edge.evaluation.pictures import adversarial_pictures, folder_pictures
from pam_edge.supernet.checkpoint import untrained_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import variant


@pytest.fixture(scope="module")
def supernet():
    return untrained_checkpoint(variant("pam-minute")).supernet.eval()


def test_a_perfect_model_passes_on_pictures_that_differ_in_their_suffix(supernet, tmp_path):
    (tmp_path / "trimap").mkdir()
    for name, picture in zip(("cat.bmp", "cat.png"), adversarial_pictures(64, 64)[1:], strict=False):
        Image.fromarray(picture.image).save(tmp_path / name)
        Image.fromarray(picture.trimap).save(tmp_path / "trimap" / name)
    path = PathSpec.parse("1111")
    reference = Reference(supernet, folder_pictures(tmp_path))

    def perfect(image, trimap, last):
        picture = replace(reference.pictures[0], image=image, trimap=trimap)
        with torch.no_grad():
            return Colours(supernet(*to_tensors(picture), path=path).alpha[0, 0].numpy(), None)

    parity, found = check_entry_point(perfect, path, [], reference)
    assert [each.max_abs for each in parity.deviations.values()] == [0.0, 0.0]
    assert not np.array_equal(*(each.alpha for each in found.values()))


def test_pictures_of_one_name_are_refused(supernet):
    picture = adversarial_pictures(64, 64)[0]
    with pytest.raises(UsageError, match="flat"):
        Reference(supernet, [picture, picture])
