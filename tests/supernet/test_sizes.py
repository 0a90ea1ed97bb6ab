"""Sizes of image, as people and programs give them."""

import pytest

from pam_edge.errors import UsageError
from pam_edge.supernet.sizes import check_size, parse_size


@pytest.mark.parametrize(
    ("given", "expected"),
    [("512", (512, 512)), ("384X512", (384, 512)), (512, (512, 512)), ((384, 512), (384, 512)), ("0", (0, 0))],
)
def test_a_size_is_one_number_or_two(given, expected):
    assert parse_size(given) == expected


def test_zeros_before_a_number_are_nothing():
    assert parse_size("0" * 5000 + "512") == (512, 512)


@pytest.mark.parametrize("digits", [20, 400, 5000])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_number_of_any_length_is_refused_in_one_line(digits, as_text):
    with pytest.raises(UsageError) as error:
        check_size(*parse_size("9" * digits if as_text else 10**digits))
    assert str(error.value) == (
        "size: expected multiples of 32 up to 8192; the height is beyond a billion. The nearest is 8192."
    )


@pytest.mark.parametrize(("side", "nearest"), [(1, 32), (500, 512), (-64, 32), (8193, 8192), (527, 512)])
def test_the_nearest_size_that_can_be_is_named(side, nearest):
    with pytest.raises(UsageError, match=f"the width is {side}. The nearest is {nearest}"):
        check_size(512, side)
