import numpy as np
import pytest

from pam_edge.errors import ProfileError
from pam_edge.measuring.path_design import default_path_count, design_paths, schedule
from pam_edge.supernet.path import PathSpec

BLOCKS = [1, 2, 4, 5, 11, 16, 21]


@pytest.mark.parametrize("blocks", BLOCKS)
def test_every_block_runs_in_half_of_the_paths_and_no_path_comes_twice(blocks):
    paths = design_paths(blocks, default_path_count(blocks))
    assert np.array([path.runs for path in paths]).mean(0) == pytest.approx(0.5)
    assert len(set(paths)) == len(paths) == default_path_count(blocks)
    assert paths[:2] == (PathSpec.full(blocks), PathSpec.shortest(blocks))


@pytest.mark.parametrize("blocks", [11, 16, 21])
def test_designed_paths_tell_blocks_apart_nearly_as_well_as_possible(blocks):
    count = default_path_count(blocks)
    signs = np.array([path.runs for path in design_paths(blocks, count)]) * 2.0 - 1
    variances = np.diag(np.linalg.inv(signs.T @ signs)) * count
    assert variances.max() < 2.0  # 1 is the least that any design reaches


def test_a_seed_gives_the_same_paths():
    assert design_paths(11, 36, seed=3) == design_paths(11, 36, seed=3) != design_paths(11, 36, seed=4)


@pytest.mark.parametrize("count", [7, 20, 2**12])
def test_a_number_of_paths_that_cannot_work_is_refused(count):
    with pytest.raises(ProfileError, match="even number of paths from 22 to 2048 for 11 blocks"):
        design_paths(11, count)


def test_each_round_visits_every_path_once_in_another_order():
    paths = design_paths(4, 16)
    first, second = schedule(paths, 2)
    assert sorted(first) == sorted(second) == sorted(paths)
    assert first != second
