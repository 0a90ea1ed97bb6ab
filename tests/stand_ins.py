"""Stand-ins for the three platforms' libraries: a few files each, the page built, so that bundles need no toolchain."""

import hashlib
import json
from pathlib import Path

from pam_edge.delivery.bundle.record import BUNDLE, BundleFile, BundleRecord
from pam_edge.targets import Target
from pam_edge.terms import Mode, Platform, Precision

LOCK = {
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "page"},
        "node_modules/@maker/runtime": {"version": "2.5.3", "license": "Apache-2.0"},
        "node_modules/builder": {"version": "1.0.0", "license": "MIT", "dev": True},
    },
}

CATALOG = """
[versions]
litert = "2.1.5"
executorch = "1.0.0"
[libraries]
litert = { module = "maker.lite:litert", version.ref = "litert" }
executorch = { module = "maker.torch:executorch", version.ref = "executorch" }
"""

LIBRARIES = {
    "ios/Package.swift": "// swift-tools-version: 6.0\n",
    "ios/Sources/PamEdge/Matter.swift": "public struct Matter {}\n",
    "ios/Tests/PamEdgeTests/MatterTests.swift": "a test\n",
    "ios/.build/Generated.swift": "an output\n",
    "android/build.gradle.kts": "plugins {}\n",
    "android/gradle/libs.versions.toml": CATALOG,
    "android/core/src/main/kotlin/pamedge/Matter.kt": "class Matter\n",
    "android/core/src/test/kotlin/pamedge/MatterTest.kt": "a test\n",
    "android/stubs/Android.kt": "a stub\n",
    "android/build/Generated.kt": "an output\n",
    "web/package.json": "{}\n",
    "web/package-lock.json": json.dumps(LOCK),
    "web/src/index.ts": "export {};\n",
    "web/dist/index.html": "<!doctype html><title>Cut out</title>\n",
    "web/dist/pam-edge.js": "export {};\n",
    "web/dist/wasm/litert.wasm": "\0asm",
    "web/dist/licences/Apache-2.0.txt": "Apache License\n",
}


def write_libraries(folder: Path) -> Path:
    """Write all three, the page's build last, and return the folder, which stands for ``runtimes/``."""
    for path, text in LIBRARIES.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def write_bundle(folder: Path, files: dict[str, bytes], platform: Platform = Platform.WEB) -> Path:
    """Write a bundle of these files with its record, and return its folder."""
    records = []
    for path, data in sorted(files.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        records.append(BundleFile(path=path, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data)))
    record = BundleRecord(
        platform=platform,
        tool="pam-edge (a test)",
        target=Target.TFLITE,
        mode=Mode.STATIC,
        precision=Precision.FP32,
        command="pam-edge convert (a test)",
        files=tuple(records),
    )
    (folder / BUNDLE).write_text(record.model_dump_json())
    return folder
