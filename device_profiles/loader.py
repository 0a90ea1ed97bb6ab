"""Read device profiles: those that ship, those that were measured or imported here, and files."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path
from pydantic import ValidationError

from pam_edge.device_profiles.location import Location, find_line
from pam_edge.device_profiles.schema import DeviceProfile, Measurement
from pam_edge.errors import ProfileError
from pam_edge.files import read_text
from pam_edge.supernet.variants import VARIANTS

BUNDLED = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ListedProfile:
    """A profile that can be named, or the reason why its file cannot be used."""

    name: str
    file: Path
    bundled: bool
    profile: DeviceProfile | None
    problem: str = ""


def user_folder() -> Path:
    """Return where imported and measured profiles are kept (``PAM_EDGE_PROFILES`` moves it); it may not exist."""
    moved = os.environ.get("PAM_EDGE_PROFILES")
    return Path(moved) if moved else user_data_path("pam-edge", appauthor=False) / "profiles"


def list_profiles() -> tuple[ListedProfile, ...]:
    """Return all profiles that have a name, sorted; a damaged file is listed with its problem."""
    files: dict[str, Path] = {}
    for folder in (BUNDLED, user_folder()):
        files |= {file.stem: file for file in folder.glob("*.toml")}
    return tuple(_list(name, file) for name, file in sorted(files.items()))


def _list(name: str, file: Path) -> ListedProfile:
    bundled = file.parent == BUNDLED
    try:
        return ListedProfile(name, file, bundled, read_profile(file))
    except ProfileError as e:
        return ListedProfile(name, file, bundled, None, str(e))


def load_profile(name_or_file: str | Path) -> DeviceProfile:
    """Return a profile by name (a user's own before the one that ships) or from a TOML file.

    Raises:
        ProfileError: if there is none, or it is not a valid profile.
    """
    text = str(name_or_file)
    if text.endswith(".toml") or "/" in text or os.sep in text:
        return read_profile(Path(text))
    for folder in (user_folder(), BUNDLED):
        file = folder / f"{text}.toml"
        if file.is_file():
            return read_profile(file)
    known = ", ".join(listed.name for listed in list_profiles())
    raise ProfileError(f"Expected a device profile's name or TOML file; got {text!r}. Known names: {known}.")


def read_profile(file: Path) -> DeviceProfile:
    """Read and check one TOML file.

    Raises:
        ProfileError: with the file, the line where it can be told, what was expected and what was found.
    """
    text = read_text(file, "a device profile (TOML)", ProfileError)
    profile = parse_profile(text, str(file))
    if profile.name != file.stem:
        raise _error(str(file), text, ("name",), f"the name is {profile.name!r}; name the file {profile.name}.toml")
    return profile


def parse_profile(text: str, name: str) -> DeviceProfile:
    """Check a profile's text; ``name`` stands for it in errors.

    Raises:
        ProfileError: if the text is no valid profile.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ProfileError(f"The device profile {name} is not valid TOML: {e}. Correct or restore the file.") from e
    try:
        profile = DeviceProfile.model_validate(data)
    except ValidationError as e:
        raise _from_validation(name, text, e) from e
    for index, table in enumerate(profile.measurements):
        _check_variant(name, text, index, table)
    return profile


def _from_validation(name: str, text: str, error: ValidationError) -> ProfileError:
    first = error.errors()[0]
    more = f" ({error.error_count() - 1} more problems follow.)" if error.error_count() > 1 else ""
    shown = f"; got {first['input']!r}" if isinstance(first["input"], str | int | float) else ""
    return _error(name, text, first["loc"], f"{first['msg'].removeprefix('Value error, ')}{shown}", more)


def _check_variant(name: str, text: str, index: int, table: Measurement) -> None:
    """Compare a table with the variant it names; one of another name is compared when it is used."""
    config = VARIANTS.get(table.variant)
    if config is None:
        return
    place: Location = ("measurements", index)
    if len(table.blocks) != config.block_count:
        found = f"{table.variant} has {config.block_count} blocks; got {len(table.blocks)}"
        raise _error(name, text, (*place, "blocks"), found)
    if table.architecture_hash != config.architecture_hash():
        found = f"{table.variant} is now {config.architecture_hash()}; got {table.architecture_hash}. Measure again"
        raise _error(name, text, (*place, "architecture_hash"), found)
    for number, (block, expected) in enumerate(zip(table.blocks, config.block_names, strict=True)):
        if block.name != expected:
            raise _error(name, text, (*place, "blocks", number, "name"), f"expected {expected}; got {block.name}")


def _error(name: str, text: str, location: Location, found: str, more: str = "") -> ProfileError:
    line = find_line(text, location)
    where = f"{name}, line {line}" if line else name
    key = ".".join(map(str, location)) or "the file"
    return ProfileError(f"The device profile {where}: {key}: {found}. Correct the file or measure again.{more}")
