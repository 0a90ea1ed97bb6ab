import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_edge.errors import BudgetError
from pam_edge.planning.budget import DEFAULT_BUDGETS, NAMED_BUDGETS, BudgetUnit, parse_budget


@pytest.mark.parametrize(
    ("text", "value", "unit", "label"),
    [
        ("12ms", 12.0, BudgetUnit.MS, "12ms"),
        ("7.5ms", 7.5, BudgetUnit.MS, "7p5ms"),
        ("12.0 MS", 12.0, BudgetUnit.MS, "12ms"),
        ("60GMAC", 60.0, BudgetUnit.GMAC, "60gmac"),
        ("60 gmacs", 60.0, BudgetUnit.GMAC, "60gmac"),
        ("80%", 80.0, BudgetUnit.PERCENT, "80pct"),
        (".5ms", 0.5, BudgetUnit.MS, "0p5ms"),
        ("100%", 100.0, BudgetUnit.PERCENT, "100pct"),
        ("1e2%", 100.0, BudgetUnit.PERCENT, "100pct"),
        ("7.5E-1 GMAC", 0.75, BudgetUnit.GMAC, "0p75gmac"),
        (" Moderate ", 93.3, BudgetUnit.LEVEL, "moderate"),
    ],
)
def test_budget_is_read_with_its_unit_and_label(text, value, unit, label):
    budget = parse_budget(text)
    assert (budget.value, budget.unit, budget.label) == (value, unit, label)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "ms",
        "nanms",
        "infms",
        "0ms",
        "-3ms",
        "-0.0%",
        "12s",
        "1e309ms",
        "1e-400ms",
        "1ems",
        "1p2p3ms",
        "7,5ms",
        "12msms",
        "milder",
        "1__0ms",
        "١٢ms",
        "0.0000GMAC",
        "9999999999999ms",
        "80% of the MACs",
    ],
)
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(BudgetError, match=r"[Bb]udget"):
        parse_budget(text)


def test_unknown_unit_is_named():
    with pytest.raises(BudgetError, match=r"unknown unit 's'\. Use ms, GMAC or %"):
        parse_budget("12s")


@given(st.decimals("0.001", "1000000", places=3), st.sampled_from(["ms", "GMAC", "%"]))
def test_labels_are_file_names_that_tell_budgets_apart(number, unit):
    budget = parse_budget(f"{number}{unit}")
    assert set(budget.label) <= set(string.ascii_lowercase + string.digits)
    assert float(budget.label.rstrip(string.ascii_lowercase).replace("p", ".")) == budget.value


@pytest.mark.parametrize("number", [80, None, 0.5, ["80%"], b"80%"])
def test_what_is_no_text_is_no_budget(number):
    with pytest.raises(BudgetError, match="as text; got"):
        parse_budget(number)


def test_a_number_out_of_range_is_not_taken_for_a_unit():
    with pytest.raises(BudgetError, match="above zero, up to 1000000000; got '1e309ms'"):
        parse_budget("1e309ms")


@given(st.decimals("0.001", "1000000", places=3), st.sampled_from(["ms", "GMAC", "%"]))
def test_labels_and_texts_read_back_as_their_budget(number, unit):
    budget = parse_budget(f"{number}{unit}")
    assert parse_budget(budget.label) == parse_budget(budget.text) == budget


@pytest.mark.parametrize("budget", DEFAULT_BUDGETS, ids=str)
def test_a_named_budget_reads_back_as_it_is_shown(budget):
    assert parse_budget(str(budget)) == parse_budget(str(budget).upper()) == budget


def test_the_default_budgets_are_the_three_names_full_first():
    assert [budget.label for budget in DEFAULT_BUDGETS] == ["mild", "moderate", "aggressive"]
    assert NAMED_BUDGETS["mild"].value == 100.0


def test_a_budget_reads_back_from_its_text():
    assert [str(parse_budget(text)) for text in ("12MS", "60gmac", "80%", "mild")] == [
        "12ms",
        "60GMAC",
        "80%",
        "mild (100% of the MACs)",
    ]
