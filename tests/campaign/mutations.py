"""Ways to change a file: its bytes, its text's tokens, its structure's values. The same for the same chance."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]

_ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, -1e-320, float("nan"), float("inf"), "", "x",
    "x" * 5000, "../..", "/etc/passwd", "\0", "ü", "1" * 300, [], {}, [[]], [0], {"a": 1}, [None] * 1000,
)  # fmt: skip
_ODD_TOKENS = (
    "nan", "inf", "-1", "0", "1e400", "1e-400", "9" * 400, '""', '"x"', "[]", "{}", "true", "null", "2000-13-41", "'",
    '"""', "\\", "#", "=", ",", "\t", "\0", "\ufeff", "é",
)  # fmt: skip
_TOKEN = re.compile(r"[\w.+-]+|\S")


def change_bytes(data: bytes, chance: Random) -> bytes:
    """Flip, overwrite, cut, insert, repeat or clear some of the bytes; or take all away."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 3, 20))):
        start = chance.randrange(len(changed) + 1) if chance.random() < 0.7 else min(chance.randrange(64), len(changed))
        end = min(len(changed), start + chance.choice((1, 1, 4, 64, 4096)))
        match chance.randrange(7):
            case 0:
                changed[start:end] = bytes(byte ^ 1 << chance.randrange(8) for byte in changed[start:end])
            case 1:
                changed[start:end] = chance.randbytes(end - start)
            case 2:
                del changed[start:]
            case 3:
                changed[start:start] = chance.randbytes(chance.choice((1, 4, 1000)))
            case 4:
                changed[start:start] = changed[start:end] * 3
            case 5:
                changed[start:end] = bytes(end - start)
            case _:
                del changed[start:end]
    return bytes(changed) if chance.random() < 0.98 else b""


def change_text(data: bytes, chance: Random) -> bytes:
    """Put an odd token in the place of one, or drop, repeat, swap or join lines."""
    lines = data.decode().splitlines(keepends=True)
    place = chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, lines[place])
        case 2:
            other = chance.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        case 3:
            lines[place] = lines[place].rstrip("\n")
        case _:
            tokens = list(_TOKEN.finditer(lines[place]))
            if tokens:
                token = chance.choice(tokens)
                lines[place] = lines[place][: token.start()] + chance.choice(_ODD_TOKENS) + lines[place][token.end() :]
    return "".join(lines).encode()


def change_json(data: bytes, chance: Random) -> bytes:
    """Put an odd value in the place of one at any depth, or take it away, rename it, repeat it, or nest it."""
    content = json.loads(data)
    places = list(_places(content))
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        parent, key = chance.choice(places)
        if (isinstance(parent, dict) and key not in parent) or (isinstance(parent, list) and key >= len(parent)):
            continue  # taken away by the change before
        match chance.randrange(6):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[f"{key}x"] = parent.pop(key)
            case 1:
                parent.insert(key, parent[key])
            case 2:
                parent[key] = [parent[key]]
            case 3 if isinstance(parent[key], int | float):
                parent[key] = parent[key] * chance.choice((-1, 2, 1e9, 1.0000001))
            case _:
                parent[key] = chance.choice(_ODD_VALUES)
    return json.dumps(content).encode()


def change_safetensors(data: bytes, chance: Random) -> bytes:
    """Change the header as JSON, its length put right."""
    length = struct.unpack("<Q", data[:8])[0]
    header = change_json(data[8 : 8 + length], chance)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def change_png_header(data: bytes, chance: Random) -> bytes:
    """Say another width, height, depth or kind of colour, with the right checksum."""
    header = bytearray(data[12:29])
    if chance.random() < 0.5:
        start = chance.choice((4, 8))
        header[start : start + 4] = struct.pack(">I", chance.choice((0, 1, 7, 2**16, 2**31, 2**32 - 1)))
    else:
        header[chance.randrange(12, 17)] = chance.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    return data[:12] + bytes(header) + struct.pack(">I", zlib.crc32(header)) + data[33:]


def _places(content: Any) -> Any:
    keys = content.keys() if isinstance(content, dict) else range(len(content))
    for key in list(keys):
        yield content, key
        if isinstance(content[key], dict | list):
            yield from _places(content[key])
