import pytest

from pam_edge.errors import UsageError
from pam_edge.planning.cost import CONFIDENCE_SIGMAS, CostTable, mac_cost_table
from pam_edge.supernet.macs import count_macs
from pam_edge.supernet.path import PathSpec
from pam_edge.supernet.variants import VARIANTS
from pam_edge.terms import CostUnit, Provenance

TABLE = CostTable(
    unit=CostUnit.MS,
    provenance=Provenance.MEASURED,
    fixed=5.0,
    run=(3.0, 1.0),
    bypass=(0.5, 2.0),
    path_error=0.3,
    scatter=0.4,
)


def test_cost_adds_what_is_run_and_what_is_bypassed():
    assert TABLE.cost(PathSpec.parse("10")) == 10.0
    assert (TABLE.full, TABLE.shortest, TABLE.cheapest) == (9.0, 7.5, 6.5)


def test_bounds_add_the_error_of_the_fit_and_the_scatter_of_paths():
    path = PathSpec.parse("00")
    assert TABLE.margin == pytest.approx(CONFIDENCE_SIGMAS * 0.5)
    assert TABLE.upper(path) == pytest.approx(7.5 + TABLE.margin)
    assert TABLE.interval(path) == pytest.approx((7.5 - TABLE.margin, 7.5 + TABLE.margin))


def test_no_interval_reaches_below_zero():
    unsure = CostTable(
        unit=CostUnit.MS, provenance=Provenance.MEASURED, fixed=0.1, run=(0.1,), bypass=(0.1,), path_error=9.0
    )
    assert unsure.interval(PathSpec.parse("1"))[0] == 0.0


def test_counted_costs_are_the_macs_without_error():
    table, macs = mac_cost_table(VARIANTS["pam-minute"], 64, 96), count_macs(VARIANTS["pam-minute"], 64, 96)
    assert [round(table.cost(path) * 1e9) for path in PathSpec.all(4)] == [macs.cost(path) for path in PathSpec.all(4)]
    assert (table.margin, table.provenance) == (0.0, Provenance.COUNTED)


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_costs_that_are_none_are_refused(wrong):
    with pytest.raises(UsageError, match="finite"):
        CostTable(unit=CostUnit.MS, provenance=Provenance.MEASURED, fixed=1.0, run=(1.0, wrong), bypass=(1.0, 1.0))


def test_run_and_bypass_of_different_numbers_are_refused():
    with pytest.raises(UsageError, match="got 2 and 1"):
        CostTable(unit=CostUnit.MS, provenance=Provenance.MEASURED, fixed=1.0, run=(1.0, 2.0), bypass=(1.0,))


def test_a_path_of_another_variant_is_refused():
    with pytest.raises(UsageError, match="2 blocks"):
        TABLE.cost(PathSpec.parse("101"))
