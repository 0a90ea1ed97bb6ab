"""What a profile is called where nobody said: from the device's name, in any script."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from pam_edge.cli.main import app
from pam_edge.device_profiles.writer import derive_profile_name
from pam_edge.errors import ProfileError
from pam_edge.names import NAME_PATTERN

runner = CliRunner()


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("Pixel 8", "pixel-8"),
        ("Maker Phone_1 (2025)", "maker-phone-1-2025"),
        ("Téléphone Ärger Ñandú", "telephone-arger-nandu"),
        ("Groß", "gross"),
        ("Ｐｉｘｅｌ　８", "pixel-8"),
        ("小米 14", "14-[0-9a-f]{6}"),
        ("Телефон", "device-[0-9a-f]{6}"),
        ("+++", "device-[0-9a-f]{6}"),
    ],
)
def test_a_name_keeps_what_latin_letters_it_has(device, name):
    assert re.fullmatch(name, derive_profile_name(device))


@pytest.mark.parametrize(("one", "other"), [("小米", "华为"), ("小米 14", "华为 14"), ("Телефон", "Планшет")])
def test_devices_without_latin_letters_have_names_of_their_own(one, other):
    assert derive_profile_name(one) != derive_profile_name(other)
    assert derive_profile_name(one) == derive_profile_name(one)


@given(st.text(min_size=1))
def test_every_name_can_be_a_profile_s(device):
    assert re.fullmatch(NAME_PATTERN, derive_profile_name(device))


def samples(tmp_path, simulated_device, device):
    file = tmp_path / "samples.json"
    file.write_text(json.dumps(simulated_device().file() | {"device": device}))
    return ["profile", "import", str(file), "--json"]


def test_two_phones_in_another_script_become_two_profiles(tmp_path, user_profiles, simulated_device):
    for device in ("小米", "华为"):
        result = runner.invoke(app, samples(tmp_path, simulated_device, device))
        assert result.exit_code == 0, result.output
    assert len(list(user_profiles.glob("device-*.toml"))) == 2


def test_two_devices_whose_names_fall_together_are_not_merged(tmp_path, user_profiles, simulated_device):
    assert runner.invoke(app, samples(tmp_path, simulated_device, "Phone 1")).exit_code == 0
    result = runner.invoke(app, samples(tmp_path, simulated_device, "Phone_1"))
    assert isinstance(result.exception, ProfileError)
    assert "of Phone 1" in str(result.exception) and "--name" in str(result.exception)
    assert [file.name for file in user_profiles.iterdir()] == ["phone-1.toml"]
