"""Read a .tflite file into the schema's objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema


def read_model(file: Path) -> Any:
    """Return a file as a ``ModelT``, each buffer with its bytes, wherever they lie.

    A tool that stores weights may put them behind the flatbuffer and say where; such places mean nothing in another
    file.

    Raises:
        Exception: of any kind, if the file is damaged.
    """
    content = file.read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return model
