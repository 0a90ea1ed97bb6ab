"""What apps are told that a device has to have is what the package is made for."""

from itertools import product
from types import SimpleNamespace

import pytest

from pam_edge.converters.coreml.precision import oldest_system
from pam_edge.targets import Target
from pam_edge.terms import Mode, Platform

MODES = (Mode.STATIC, Mode.MULTI, Mode.DYNAMIC)


@pytest.mark.parametrize(("mode", "precision"), product(MODES, Target.COREML.facts.precisions), ids=str)
def test_a_package_is_made_for_the_system_that_is_named(mode, precision):
    job = SimpleNamespace(mode=mode, precision=precision, entry_points=("mild", "aggressive"))
    named = Target.COREML.facts.needs(mode, precision)[Platform.IOS]
    assert named.startswith(f"iOS {oldest_system(job).name.removeprefix('iOS')} ")
