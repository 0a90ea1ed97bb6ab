"""Baselines by another package."""

import logging

import numpy as np
import pymatting
import pytest

from pam_edge.evaluation.methods import BASELINES


@pytest.fixture
def picture():
    trimap = np.full((24, 24), 128, np.uint8)
    trimap[:, :8], trimap[:, 16:] = 0, 255
    return np.repeat(trimap[..., None], 3, 2), trimap


@pytest.mark.parametrize("name", ["closed-form", "knn"])
def test_classical_methods_keep_what_the_trimap_knows(picture, name):
    alpha = BASELINES[name](*picture).alpha
    assert alpha[:, :8].max() < 0.01
    assert alpha[:, 16:].min() > 0.99


def test_what_another_package_prints_is_logged_and_shown_to_nobody(picture, monkeypatch, capsys, caplog):
    def verbose(image, trimap):
        print("PERFORMANCE WARNING")
        return trimap

    monkeypatch.setattr(pymatting, "estimate_alpha_cf", verbose)
    with caplog.at_level(logging.DEBUG, "pam_edge"):
        BASELINES["closed-form"](*picture)
    assert capsys.readouterr() == ("", "")
    assert "PERFORMANCE WARNING" in caplog.text
