"""Write the estimated device profiles from published numbers.

Every published number stands here once, with where it was published. What no source states is an assumption, and says
so. Run ``python -m pam_edge.planning.published`` after a change; ``--check`` only compares (a test does the same).

Two words in the sources below: "read" means that the text was read while this file was written; "recalled" means that
the number is commonly published there, but that the text was not at hand to confirm it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from pam_edge.device_profiles.loader import BUNDLED
from pam_edge.device_profiles.schema import Bandwidth, DeviceProfile, Estimate, Peak, UnitPeaks
from pam_edge.device_profiles.writer import profile_text
from pam_edge.terms import ComputeUnit, Precision

METHOD = (
    "Per operator the longer of multiply-accumulates at the peak rate and bytes at the peak memory bandwidth. Real "
    "devices reach neither peak, and caches save bytes: an estimate compares paths, and promises no latency."
)
COMMENT = (
    "Written by python -m pam_edge.planning.estimated_profiles: change the numbers there. ESTIMATED, not measured."
)
OPS_PER_MAC = 2
FP32_LANES, FP16_LANES, INT8_LANES = 4, 8, 16  # of a 128-bit register; Armv8.2-A has fp16 and int8 dot products
APPLE_GPU_LANES = 128

FOUR_PIPES_APPLE = (
    "AnandTech, 'Apple Announces The Apple Silicon M1', 2020, page 2: four FP/SIMD pipelines in A14's Firestorm "
    "(recalled)"
)
FOUR_PIPES_X = "Wikipedia, 'ARM Cortex-X1': 4x128b SIMD units (read)"
TWO_PIPES_A = (
    "Linley Group newsletter, 'Cortex-X1: A Bigger Arm', June 2020: X1 doubles A78's Neon units to four (read)"
)
INT8_SOURCE = (
    "Armv8.2-A dot products (SDOT): sixteen int8 products of a register added up in each instruction (recalled)"
)
FP16_SOURCE = "Armv8.2-A half precision: eight lanes of a 128-bit register where fp32 has four (recalled)"
A15_MEMORY = "cpu-monkey.com, 'Apple A15 Bionic (4-GPU)': LPDDR4X-4266, 34.1 GB/s (read)"


@dataclass(frozen=True, slots=True)
class Cores:
    """Like CPU cores: how many, how fast, and how many 128-bit multiply-add pipelines each has."""

    name: str
    count: int
    ghz: float
    pipelines: int


@dataclass(frozen=True, slots=True)
class Phone:
    """The published numbers of one phone; rates in what their sources use."""

    name: str
    device: str
    soc: str
    os: str
    gb_per_s: float
    memory_formula: str
    memory_source: str
    cores: tuple[Cores, ...]
    cores_source: str
    gpu: tuple[int, float, str] | None = None
    engine_tops: float | None = None
    engine_source: str = ""
    engine_share: float = 1.0
    engine_note: str = "assumed to be the fp16 rate, as Apple names no precision"


def _a15(name: str, device: str) -> Phone:
    return Phone(
        name=name,
        device=device,
        soc="Apple A15 Bionic (4 GPU cores)",
        os="iOS",
        gb_per_s=34.1,
        memory_formula="as published",
        memory_source=A15_MEMORY,
        cores=(Cores("Avalanche", 2, 3.23, 4),),
        cores_source=f"cpu-monkey.com, 'Apple A15 Bionic (4-GPU)': 2 cores at 3.23 GHz (read). {FOUR_PIPES_APPLE}; "
        "assumed for Avalanche too",
        gpu=(
            4,
            1.338,
            "cpu-monkey.com, 'Apple A15 Bionic (4-GPU)': 512 shaders at 1.34 GHz (read); askgeek.io, 'Apple A15 "
            "Bionic': 1338 MHz (read)",
        ),
        engine_tops=15.8,
        engine_source="Apple event of 14 September 2021, as reported by pocketnow.com: 15.8 trillion operations per "
        "second (read)",
    )


PHONES: tuple[Phone, ...] = (
    Phone(
        name="iphone12",
        device="iPhone 12",
        soc="Apple A14 Bionic",
        os="iOS",
        gb_per_s=34.1,
        memory_formula="4266 MT/s x 64 bit / 8",
        memory_source="Wikipedia, 'Apple silicon', list of A series: LPDDR4X-4266, 64 bit (recalled)",
        cores=(Cores("Firestorm", 2, 3.0, 4),),
        cores_source=f"Wikipedia, 'Apple A14': 2 Firestorm cores, up to 3.0 GHz (read). {FOUR_PIPES_APPLE}",
        gpu=(
            4,
            1.4625,
            "Wikipedia, 'Apple A14': 4 cores (read); 'Apple silicon': 1462.5 MHz (recalled); "
            "philipturner/metal-benchmarks: 128 lanes per core (read)",
        ),
        engine_tops=11.0,
        engine_source="Wikipedia, 'Apple A14': 11 trillion operations per second (read)",
    ),
    _a15("iphone13", "iPhone 13"),
    _a15("iphone-se3", "iPhone SE (3rd generation)"),
    Phone(
        name="iphone15-pro",
        device="iPhone 15 Pro",
        soc="Apple A17 Pro",
        os="iOS",
        gb_per_s=51.2,
        memory_formula="6400 MT/s x 64 bit / 8",
        memory_source="cellmapper.net wiki, 'Apple Silicon': LPDDR5-6400 for A16 (read); assumed for A17 Pro, with the "
        "64-bit bus of A15",
        cores=(Cores("performance", 2, 3.78, 4),),
        cores_source="grokipedia.com, 'Apple A17 Pro': 2 performance cores up to 3.78 GHz (read). "
        f"{FOUR_PIPES_APPLE}; assumed for A17 Pro too",
        gpu=(
            6,
            1.398,
            "Apple event of 12 September 2023: 6 cores; Wikipedia, 'Apple silicon': 1398 MHz (recalled); "
            "philipturner/metal-benchmarks: 128 lanes per core of the generations before (read)",
        ),
        engine_tops=35.0,
        engine_source="grokipedia.com, 'Apple A17 Pro': 35 trillion operations per second (read)",
        engine_share=0.5,
        engine_note="assumed to be the int8 rate, and fp16 half of it",
    ),
    Phone(
        name="pixel8",
        device="Google Pixel 8",
        soc="Google Tensor G3",
        os="Android",
        gb_per_s=51.2,
        memory_formula="6400 MT/s x 64 bit / 8",
        memory_source="cpunicorn.com, 'Google Tensor G3': LPDDR5X (read), rate and bus unpublished; assumed 4 x 16 bit "
        "at 6400 MT/s, the slower of two that notebookcheck.net reports for Tensor G5 (read)",
        cores=(Cores("Cortex-X3", 1, 2.91, 4), Cores("Cortex-A715", 4, 2.37, 2)),
        cores_source="androidauthority.com, 3 October 2023: 1 x X3 at 2.91 GHz, 4 x A715 at 2.37 GHz (read). "
        f"{FOUR_PIPES_X}; assumed for X3 too. {TWO_PIPES_A}; assumed for A715 too",
    ),
    Phone(
        name="galaxy-s23",
        device="Samsung Galaxy S23",
        soc="Qualcomm Snapdragon 8 Gen 2 for Galaxy",
        os="Android",
        gb_per_s=64.0,
        memory_formula="as published",
        memory_source="primua.com, 'Adreno 740': LPDDR5X, 64.0 GB/s (read)",
        cores=(Cores("Cortex-X3", 1, 3.36, 4), Cores("Cortex-A715/A710", 4, 2.8, 2)),
        cores_source="researchsnipers.com: X3 at 3.36 GHz in the S23 (read); nanoreview.net, 'Snapdragon 8 Gen 2': 2 x "
        f"A715 and 2 x A710 at 2.8 GHz (read). {FOUR_PIPES_X}; assumed for X3 too. {TWO_PIPES_A}; assumed for A715 and "
        "A710 too",
    ),
    Phone(
        name="galaxy-a54",
        device="Samsung Galaxy A54",
        soc="Samsung Exynos 1380",
        os="Android",
        gb_per_s=17.1,
        memory_formula="4266 MT/s x 32 bit / 8",
        memory_source="phonearena.com, 24 February 2023: LPDDR4X (read); bus unpublished, assumed 2 x 16 bit as "
        "nanoreview.net gives for another mid-range SoC, Snapdragon 768G (read)",
        cores=(Cores("Cortex-A78", 4, 2.4, 2),),
        cores_source=f"phonearena.com, 24 February 2023: 4 x A78 at 2.4 GHz (read). {TWO_PIPES_A}",
    ),
)


def make_profile(phone: Phone) -> DeviceProfile:
    """Compute a phone's peaks."""
    units = [_cpu(phone)]
    if phone.gpu is not None:
        units.append(_gpu(*phone.gpu))
    if phone.engine_tops is not None:
        units.append(_engine(phone, phone.engine_tops))
    bandwidth = Bandwidth(gb_per_s=phone.gb_per_s, formula=phone.memory_formula, source=phone.memory_source)
    estimate = Estimate(
        script="pam_edge/planning/published.py", method=METHOD, memory_bandwidth=bandwidth, compute_units=tuple(units)
    )
    return DeviceProfile(
        schema_version=1, name=phone.name, device=phone.device, soc=phone.soc, os=phone.os, estimate=estimate
    )


def _cpu(phone: Phone) -> UnitPeaks:
    def peak(precision: Precision, lanes: int, source: str) -> Peak:
        rate = sum(c.count * c.ghz * c.pipelines * lanes for c in phone.cores)
        terms = " + ".join(f"{c.count} {c.name} x {c.ghz:g} GHz x {c.pipelines} x {lanes}" for c in phone.cores)
        formula = f"{terms} (pipelines of 128 bit, lanes)"
        return Peak(precision=precision, gmacs_per_s=round(rate, 1), formula=formula, source=source)

    peaks = (
        peak(Precision.FP32, FP32_LANES, phone.cores_source),
        peak(Precision.FP16, FP16_LANES, f"{phone.cores_source}. {FP16_SOURCE}"),
        peak(Precision.INT8, INT8_LANES, f"{phone.cores_source}. {INT8_SOURCE}"),
    )
    return UnitPeaks(unit=ComputeUnit.CPU, threads=sum(c.count for c in phone.cores), peaks=peaks)


def _gpu(cores: int, ghz: float, source: str) -> UnitPeaks:
    """Rate of an Apple GPU; metal-benchmarks finds fp16 no faster than fp32, and Core ML uses the engine for fp16."""
    rate = round(cores * APPLE_GPU_LANES * ghz, 1)
    formula = f"{cores} cores x {APPLE_GPU_LANES} lanes x {ghz:g} GHz"
    return UnitPeaks(
        unit=ComputeUnit.GPU,
        peaks=(Peak(precision=Precision.FP32, gmacs_per_s=rate, formula=formula, source=source),),
    )


def _engine(phone: Phone, tops: float) -> UnitPeaks:
    rate = round(tops * 1e3 / OPS_PER_MAC * phone.engine_share, 1)
    share = f" x {phone.engine_share:g}" if phone.engine_share != 1.0 else ""
    formula = f"{tops:g} TOPS / {OPS_PER_MAC} operations per MAC{share}"
    source = f"{phone.engine_source}; {phone.engine_note}"
    return UnitPeaks(
        unit=ComputeUnit.NEURAL_ENGINE,
        peaks=(Peak(precision=Precision.FP16, gmacs_per_s=rate, formula=formula, source=source),),
    )


def render() -> dict[Path, str]:
    """Return the text of every estimated profile by its file."""
    return {BUNDLED / f"{phone.name}.toml": profile_text(make_profile(phone), COMMENT) for phone in PHONES}


def main() -> int:
    """Write the profiles, or compare them and return 1 where they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    stale = [file for file, text in render().items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        if not check:
            file.write_text(render()[file], encoding="utf-8")
        print(f"{'differs' if check else 'wrote'} {file.name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
