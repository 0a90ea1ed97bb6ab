"""Names that become names of files and folders: of profiles, supernets and entry points."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

NAME_PATTERN = "^[a-z0-9][a-z0-9_-]{0,79}$"
"""Nothing in it leads out of a folder, and file systems that ignore case keep two of them apart."""

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""A name as a validated field; a path may be built of it."""
