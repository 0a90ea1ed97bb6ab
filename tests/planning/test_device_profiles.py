import pytest

from pam_edge.device_profiles import list_profiles, load_profile
from pam_edge.device_profiles.loader import BUNDLED, parse_profile
from pam_edge.device_profiles.location import find_line
from pam_edge.device_profiles.schema import Bandwidth, Peak
from pam_edge.device_profiles.writer import profile_text, write_profile
from pam_edge.errors import ProfileError
from pam_edge.terms import Provenance

BUNDLED_NAMES = ["galaxy-a54", "galaxy-s23", "iphone-se3", "iphone12", "iphone13", "iphone15-pro", "pixel8"]


def line_of(text, start):
    return next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith(start))


def test_the_phones_that_ship_are_listed_as_estimated():
    listed = [profile for profile in list_profiles() if profile.bundled]
    assert [profile.name for profile in listed] == BUNDLED_NAMES
    assert {profile.profile and profile.profile.provenance for profile in listed} == {Provenance.ESTIMATED}


@pytest.mark.parametrize("name", BUNDLED_NAMES)
def test_every_bundled_number_has_a_formula_and_a_source(name):
    estimate = load_profile(name).estimate
    assert estimate is not None
    peaks = [peak for unit in estimate.compute_units for peak in unit.peaks]
    numbers: list[Bandwidth | Peak] = [estimate.memory_bandwidth, *peaks]
    for number in numbers:
        assert number.formula
        assert any(word in number.source for word in ("(read)", "(recalled)"))


def test_a_measured_profile_reads_back_from_its_file(measured_profile, tmp_path):
    file = tmp_path / "bench.toml"
    write_profile(measured_profile, file)
    assert load_profile(file) == measured_profile
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["bench.toml"]


def test_a_users_profile_comes_before_the_one_that_ships(measured_profile, user_profiles):
    mine = measured_profile.model_copy(update={"name": "iphone13"})
    write_profile(mine, user_profiles / "iphone13.toml")
    assert load_profile("iphone13").device == "A bench"
    assert [p.bundled for p in list_profiles() if p.name == "iphone13"] == [False]


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ProfileError, match="iphone13"):
        load_profile("iphone99")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ProfileError, match="cannot be read"):
        load_profile(tmp_path / "nothing.toml")


def test_a_file_of_another_name_is_refused(tmp_path):
    file = tmp_path / "other.toml"
    file.write_text((BUNDLED / "iphone13.toml").read_text())
    with pytest.raises(ProfileError, match=r"line 3: name: .*iphone13\.toml"):
        load_profile(file)


def test_a_damaged_file_is_listed_with_its_problem(user_profiles):
    user_profiles.mkdir()
    (user_profiles / "broken.toml").write_text("schema_version = \nname = 1\n")
    (listed,) = (p for p in list_profiles() if p.name == "broken")
    assert listed.profile is None
    assert "line 1" in listed.problem


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("run_ms = 3.0", "run_ms = -3.0", "run_ms = -3.0", "greater than or equal to 0; got -3.0"),
        ("run_ms = 3.0", "run_ms = nan", "run_ms = nan", "finite"),
        ("run_ms = 3.0", "", '[[measurements.blocks]]\nname = "enc8.0"', "required"),
        ("run_ms = 3.0", "run_ms = 3.0\nspeed = 1", "speed", "not permitted"),
        ("fixed_ms = 10.0", 'fixed_ms = "10 ms"', "fixed_ms", "number"),
        ("p50 = 15.0", "p50 = 11.0", "[measurements.latency_ms]", "percentiles must rise"),
        ('precision = "fp32"', 'precision = "fp64"', "precision", "'fp32', 'fp16'"),
        ("height = 512", "height = 500", "height", "multiple of 32"),
        ("held_out_paths = 6", "", "[measurements.provenance]", "required"),
        ('source = "samples.json"', 'source = ""', "source", "at least 1"),
        ("schema_version = 1", "schema_version = 2", "schema_version", "got 2"),
        ('architecture_hash = "', 'architecture_hash = "0', "architecture_hash", "pattern"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line(measured_profile, old, new, line, reason):
    good = profile_text(measured_profile)
    assert old in good
    text = good.replace(old, new, 1)
    expected = text[: text.index(line)].count("\n") + 1
    with pytest.raises(ProfileError, match=f"bench.toml, line {expected}: .*{reason}"):
        parse_profile(text, "bench.toml")


def test_a_profile_of_an_older_architecture_is_refused(measured_profile):
    text = profile_text(measured_profile)
    old = measured_profile.measurements[0].architecture_hash
    changed = text.replace(old, "0123456789ab")
    with pytest.raises(ProfileError, match=rf"line {line_of(text, 'architecture_hash')}: .*Measure again"):
        parse_profile(changed, "bench.toml")


def test_a_profile_with_too_few_blocks_is_refused(measured_profile):
    text = profile_text(measured_profile)
    with pytest.raises(ProfileError, match=r"line \d+: .*pam-minute has 4 blocks; got 3"):
        parse_profile(text[: text.rindex("\n[[measurements.blocks]]")], "bench.toml")


def test_blocks_of_other_names_are_refused(measured_profile):
    text = profile_text(measured_profile).replace('name = "enc8.0"', 'name = "enc8.7"')
    line = line_of(text, 'name = "enc8.7"')
    with pytest.raises(ProfileError, match=rf"line {line}: .*expected enc8\.0"):
        parse_profile(text, "bench.toml")


def test_a_profile_that_neither_estimates_nor_measures_is_refused():
    text = 'schema_version = 1\nname = "a"\ndevice = "a"\nsoc = "a"\nos = "a"\n'
    with pytest.raises(ProfileError, match="either an estimate or measurements"):
        parse_profile(text, "a.toml")


def test_lines_are_found_in_arrays_within_arrays():
    text = "a = 1\n[[t]]\nx = 1\n[[t.u]]\ny = 1\n[[t.u]]\ny = 2\n[[t]]\n[[t.u]]\ny = 3\n"
    assert find_line(text, ("t", 0, "u", 1, "y")) == 7
    assert find_line(text, ("t", 1, "u", 0, "y")) == 10
    assert find_line(text, ("t", 1, "missing")) == 8
    assert find_line(text, ("missing",)) is None
