"""Write device profiles as TOML, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pam_edge.device_profiles.loader import parse_profile
from pam_edge.device_profiles.schema import DeviceProfile
from pam_edge.errors import ProfileError
from pam_edge.files import what_is_in_the_way, write_whole
from pam_edge.names import NAME_PATTERN


def profile_text(profile: DeviceProfile, comment: str = "") -> str:
    """Return a profile as TOML, one key per line; the same profile always gives the same text."""
    data = profile.model_dump(mode="json", exclude_none=True)
    if not profile.measurements:
        del data["measurements"]
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    return "\n".join([*lines, *_table(data, "")]) + "\n"


def check_profile_name(name: str, file: Path) -> None:
    """Refuse a name that no profile can have, or that its file does not have, before any work is done.

    Raises:
        ProfileError: if the name has other characters than it may have, or the file is named otherwise.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ProfileError(
            "Expected a profile's name of 1 to 80 lower-case letters, digits, - and _, a letter or digit first; got "
            f"{name!r}. Give another --name, or another file name with -o."
        )
    if file.stem != name:
        raise ProfileError(
            f"Expected a file of the profile's name, {name}.toml, by which it is found; got {file.name}. Name it so "
            "with -o, or give its name as --name."
        )


def derive_profile_name(device: str) -> str:
    """Return a device's name as a profile may be called: ``Pixel 8`` gives ``pixel-8``, ``Téléphone`` ``telephone``.

    Where letters have no Latin ones to stand for them, a short hash of the whole name follows what is left of it, so
    that two such devices do not share a name: ``小米 14`` gives ``14-`` and six hexadecimal digits.
    """
    plain = unicodedata.normalize("NFKD", device.casefold())
    words = re.sub(r"[^a-z0-9]+", "-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-")
    if words and all(c.isascii() for c in plain if c.isalnum()):
        return words
    return f"{words or 'device'}-{hashlib.sha256(unicodedata.normalize('NFC', device).encode()).hexdigest()[:6]}"


def write_profile(profile: DeviceProfile, file: Path) -> None:
    """Write a profile so that ``file`` is afterwards complete, or untouched.

    Raises:
        ProfileError: if the folder cannot be written.
    """
    text = profile_text(profile)
    assert parse_profile(text, str(file)) == profile, "what is written must read back"
    try:
        write_whole(file, text.encode())
    except OSError as e:
        why = what_is_in_the_way(file) or e.strerror or e
        raise ProfileError(f"The device profile {file} cannot be written: {why}. Choose another file with -o.") from e


def _table(table: Mapping[str, Any], prefix: str) -> Iterator[str]:
    nested = {key: value for key, value in table.items() if _is_nested(value)}
    for key, value in table.items():
        if key not in nested:
            yield f"{key} = {_value(value)}"
    for key, value in nested.items():
        name = f"{prefix}{key}"
        tables = [(f"[{name}]", value)] if isinstance(value, dict) else [(f"[[{name}]]", row) for row in value]
        for header, row in tables:
            yield ""
            yield header
            yield from _table(row, f"{name}.")


def _is_nested(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float):
        return repr(value)
    # JSON's strings and integers are TOML's, but for DEL, which no text here holds.
    return json.dumps(value, ensure_ascii=False)
