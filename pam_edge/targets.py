"""Output formats, and one record of facts for each: what the rest of the core asks of a target.

Adding a target is a member and a record here, one line in each of the two registries, and the target's own packages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pam_edge.errors import UsageError
from pam_edge.terms import ComputeUnit, Layout, Mode, Platform, Precision, TensorIO


class Target(StrEnum):
    """Output format."""

    COREML = "coreml"
    TFLITE = "tflite"
    EXECUTORCH = "executorch"
    COREAI = "coreai"

    @property
    def facts(self) -> TargetFacts:
        """What is known of the target."""
        return FACTS[self]

    def offered(self, precision: Precision | None, mode: Mode = Mode.STATIC) -> Precision:
        """Return a precision that files of a mode come in: the target's own, given None.

        Raises:
            UsageError: if they do not.
        """
        asked = precision or self.default_precision
        reason = self.facts.not_offered.get(asked)
        if reason:
            quantised = asked.is_quantised and Precision.INT8 in self.facts.precisions
            way_out = Precision.INT8 if quantised else self.default_precision
            raise UsageError(
                f"{self.facts.label} files do not come in {asked}: {reason}. Take {way_out}, or another target."
            )
        reason = self.facts.not_offered_choosing.get(asked) if mode.chooses else None
        if reason:
            raise UsageError(
                f"{self.facts.label} files whose graph chooses inside do not come in {asked}: {reason}. Take "
                f"{self.default_precision}, or mode {Mode.MULTI}."
            )
        return asked

    @property
    def default_precision(self) -> Precision:
        """Precision of an artifact when none is asked for: what the platform computes in by itself."""
        return self.facts.default_precision


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Whether files suit an accelerator, and why: what is known of the runtimes, not something measured on a device.

    Attributes:
        name: of the accelerator.
        fixed: why it takes graphs whose path is fixed.
        choosing: why it takes graphs that choose inside, or why not.
        takes_choices: whether it takes those.
        refused: precisions that it does not take, and why.
        fixed_by_precision: what is said instead of ``fixed`` of some precisions.
    """

    name: str
    fixed: str
    choosing: str
    takes_choices: bool
    refused: Mapping[Precision, str] = field(default_factory=dict)
    fixed_by_precision: Mapping[Precision, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhoneKit:
    """How a phone is measured by people who have one.

    Attributes:
        program: in ``measuring/kits``, that times and writes the samples.
        guide: in ``measuring/kits``, for a person.
        has_probe: whether one graph whose path is an input can be timed; else one function per path, see
            ``TargetFacts.has_probe``.
        runner: the vendor's program that the phone runs, where it takes one.
        runner_source: where it is had.
    """

    program: str
    guide: str
    has_probe: bool
    runner: str = ""
    runner_source: str = ""


@dataclass(frozen=True, slots=True)
class Shipping:
    """Whether an app on a platform can ship a target's files with the library that `pam-edge package` gives it.

    Attributes:
        refused: why not; empty where it can.
        needs: what the device has to have.
        mode_needs: what it has to have instead, by mode: at least what any precision needs.
        precision_needs: what it has to have instead in other modes, by precision.
        refused_precisions: in which files are no use there, and why.
        engines: class of the platform's library that runs the files, where it has several.
        runtime: what the library's build files call the runtime that the app adds, where it adds one.
    """

    refused: str = ""
    needs: str = ""
    mode_needs: Mapping[Mode, str] = field(default_factory=dict)
    precision_needs: Mapping[Precision, str] = field(default_factory=dict)
    refused_precisions: Mapping[Precision, str] = field(default_factory=dict)
    engines: str = ""
    runtime: str = ""

    def needed(self, mode: Mode, precision: Precision) -> str:
        """Return what the device has to have."""
        return self.mode_needs.get(mode) or self.precision_needs.get(precision) or self.needs


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """What the core needs to know of a target.

    Attributes:
        label: name for people.
        packages: that converting takes, by import name, each with the name that installs it.
        runtime_package: import name of the one that running its files takes.
        default_precision: of an artifact when none is asked for.
        not_offered: precisions that files do not come in, and why.
        not_offered_choosing: those that files whose graph chooses inside do not come in either, and why.
        arithmetic: what files compute in, by precision, where that is another: their weights alone are stored so.
        layout: of tensors.
        image_precisions: in which inputs and outputs can be images, which is then the default.
        half_by: what computes in half precision, by precision, in words; nothing where no unit does.
        units: compute unit that apps' graphs of a fixed path run on, by precision.
        accelerators: that its runtime can use.
        proves: what a pass of parity says, by runtime.
        verified_by: what checks its files here.
        why_not_timed_here: None where its times on this machine mean something.
        is_quick_here: whether its runtime on this machine takes no more time than a user waits for.
        profiles_operators: whether its runtime's profiler tells operators in order.
        kit: how a phone is measured.
        shipping: what becomes of its files in an app, by platform.
    """

    label: str
    packages: Mapping[str, str]
    runtime_package: str
    default_precision: Precision
    not_offered: Mapping[Precision, str]
    arithmetic: Mapping[Precision, Precision]
    layout: Layout
    image_precisions: frozenset[Precision]
    half_by: Mapping[Precision, str]
    units: Mapping[Precision, ComputeUnit]
    accelerators: tuple[Accelerator, ...]
    proves: Mapping[str, str]
    verified_by: str
    why_not_timed_here: str | None
    is_quick_here: bool
    profiles_operators: bool
    kit: PhoneKit
    shipping: Mapping[Platform, Shipping]
    not_offered_choosing: Mapping[Precision, str] = field(default_factory=dict)

    def compute_unit(self, precision: Precision, mode: Mode) -> ComputeUnit:
        """Return where apps' graphs run: on the CPU if they choose inside, which no other unit promises to take."""
        return ComputeUnit.CPU if mode.chooses else self.units[precision]

    def has_probe(self, precision: Precision) -> bool:
        """Return whether a phone is measured by one graph whose path is an input; else by one function per path."""
        return self.kit.has_probe and precision not in self.not_offered_choosing

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Those that files come in, from the largest weights to the smallest."""
        return tuple(each for each in Precision if each not in self.not_offered)

    def arithmetic_of(self, precision: Precision) -> Precision:
        """Return what files of a precision compute in."""
        return self.arithmetic.get(precision, precision)

    def needs(self, mode: Mode, precision: Precision) -> dict[Platform, str]:
        """Return what a device has to have, by platform that files can ship on."""
        return {
            platform: known.needed(mode, precision)
            for platform, known in self.shipping.items()
            if not known.refused and precision not in known.refused_precisions
        }

    def default_io(self, precision: Precision) -> TensorIO:
        """Return the form of inputs and outputs when none is asked for."""
        return TensorIO.IMAGE if precision in self.image_precisions else TensorIO.TENSOR


_CHOOSES = "the graph chooses between branches (control flow)"
_BOTH_BRANCHES = "both branches of every block are delegated"
_ONE_PARTITION = "one partition, nothing outside of it"
_IN_APPS_RUNTIME = "converts here; checked by running the files in the runtime that apps use"
_XNNPACK = Accelerator("CPU (XNNPACK)", _ONE_PARTITION, _BOTH_BRANCHES, takes_choices=True)
_ON_THE_DEVICE = "every operator is one of Core AI's own; it decides on the device, and nothing was run there"
_NO_DEVICE_ASKED = f"{_CHOOSES}: Core AI takes it, and no device was asked where it runs; use mode multi to be sure"
_SIXTEEN_LEVELS = (
    "sixteen levels a weight cost 4 to 8 % of SAD with palettes made after training, and no weights were trained for it"
)
_NOT_IN_SWIFT = "the Swift package runs Core ML and Core AI, which alone reach the Neural Engine"
_ON_CPU = dict.fromkeys(Precision, ComputeUnit.CPU)
_STORED_AS_HALF = (Precision.FP16, Precision.W8, Precision.W6, Precision.INT8)


FACTS: Mapping[Target, TargetFacts] = {
    Target.COREML: TargetFacts(
        label="Core ML",
        packages={"coremltools": "coremltools"},
        runtime_package="coremltools",
        default_precision=Precision.FP16,
        not_offered={Precision.W4: _SIXTEEN_LEVELS},
        # The Neural Engines of most phones compute in half precision whatever is stored; A17 Pro and M4 gain by int8.
        arithmetic=dict.fromkeys((Precision.W8, Precision.W6, Precision.INT8), Precision.FP16),
        layout=Layout.NCHW,
        # A half-float image rounds alpha by 2e-4, which is more than fp32's parity allows.
        image_precisions=frozenset(_STORED_AS_HALF),
        half_by=dict.fromkeys(_STORED_AS_HALF, "Core ML's GPU and Neural Engine"),
        # The Neural Engine has no fp32.
        units=dict.fromkeys(Precision, ComputeUnit.NEURAL_ENGINE) | {Precision.FP32: ComputeUnit.GPU},
        accelerators=(
            Accelerator(
                "CPU",
                "Core ML runs every ML program on the CPU",
                "Core ML runs every ML program on the CPU",
                takes_choices=True,
            ),
            Accelerator(
                "GPU",
                "every operator is one that Core ML's GPU takes",
                f"{_CHOOSES}: Core ML does not promise it; use mode multi there",
                takes_choices=False,
            ),
            Accelerator(
                "Neural Engine",
                "every operator is one that it takes; Core ML decides on the device",
                f"{_CHOOSES}: Core ML does not promise it; use mode multi there",
                takes_choices=False,
                refused={Precision.FP32: "it computes in half precision only; use fp16 there"},
            ),
        ),
        proves={
            "coreml": "the saved package, in Core ML on this Mac; a phone's compute units may round differently",
            "reference": "semantics, weights and rounding of the saved package; not the Neural Engine's own arithmetic",
        },
        verified_by="converts here; checked by our reference runtime, and on macOS by Core ML itself",
        why_not_timed_here=(
            "Core ML's times are those of an Apple device, and this machine runs its packages with a reference "
            "runtime. Make a kit for the device: pam-edge profile kit --target coreml -o kit"
        ),
        is_quick_here=True,
        profiles_operators=False,
        kit=PhoneKit(program="mac.py", guide="coreml.md", has_probe=False),
        shipping={
            Platform.IOS: Shipping(
                needs="iOS 16 or macOS 13",
                engines="CoreMLMaker",
                mode_needs={
                    Mode.MULTI: "iOS 18 or macOS 15, from which on Core ML takes several functions in one package"
                },
                precision_needs={
                    Precision.INT8: "iOS 17 or macOS 14, from which on Core ML takes features of eight bits",
                    Precision.W6: "iOS 18 or macOS 15, from which on Core ML takes palettes for groups of channels",
                },
            ),
            Platform.ANDROID: Shipping(refused="Core ML is Apple's"),
            Platform.WEB: Shipping(refused="no browser runs Core ML packages"),
        },
    ),
    Target.TFLITE: TargetFacts(
        label="LiteRT",
        packages={"litert_torch": "litert-torch", "ai_edge_litert": "ai-edge-litert"},
        runtime_package="ai_edge_litert",
        default_precision=Precision.FP32,
        not_offered={
            Precision.W6: "it stores weights as integers, and has no palettes; w8 is what comes next to them",
            Precision.W4: _SIXTEEN_LEVELS,
        },
        arithmetic={Precision.FP16: Precision.FP32, Precision.W8: Precision.FP32},
        layout=Layout.NHWC,
        image_precisions=frozenset(),
        half_by=dict.fromkeys(Precision, "LiteRT's GPU delegate, unless it is told not to"),
        units=_ON_CPU,
        accelerators=(
            replace(
                _XNNPACK,
                fixed_by_precision={
                    Precision.INT8: "all but the means that attention takes of features; LiteRT's own kernels do those"
                },
            ),
            Accelerator(
                "GPU delegate",
                "standard operators in fixed shapes; not run here",
                f"{_CHOOSES}: it does not take IF; use mode multi there",
                takes_choices=False,
            ),
            Accelerator(
                "NPU delegates",
                "standard operators in fixed shapes; not run here, and many want int8",
                f"{_CHOOSES}: they do not take IF; use mode multi there",
                takes_choices=False,
                fixed_by_precision={Precision.INT8: "standard operators in fixed shapes and eight bits; not run here"},
            ),
        ),
        proves={"litert": "the saved file, in the runtime that apps use"},
        verified_by=_IN_APPS_RUNTIME,
        why_not_timed_here=None,
        is_quick_here=True,
        profiles_operators=True,
        kit=PhoneKit(
            program="android.py",
            guide="android.md",
            has_probe=True,
            runner="benchmark_model",
            runner_source="LiteRT's documentation, under benchmark tools, offers it as a binary for android_aarch64.",
        ),
        shipping={
            Platform.IOS: Shipping(refused=_NOT_IN_SWIFT),
            Platform.ANDROID: Shipping(needs="Android 8 (API 26)", engines="LiteRtEngines", runtime="litert"),
            Platform.WEB: Shipping(
                needs="a browser with WebAssembly SIMD, as all have had since 2023",
                # pam-tiny, 256x256, mild, in turns in Chromium, one thread, medians of ten: 5.3 times.
                refused_precisions={
                    Precision.FP16: "half-precision weights take WebAssembly two to five times as long as fp32",
                    Precision.W8: "no browser was given such a file yet",
                    Precision.INT8: "no browser was given such a file yet",
                },
            ),
        },
    ),
    Target.EXECUTORCH: TargetFacts(
        label="ExecuTorch",
        packages={"executorch": "executorch"},
        runtime_package="executorch",
        default_precision=Precision.FP32,
        not_offered={
            Precision.FP16: "with half-precision weights this version's XNNPACK delegate makes no smaller file, and "
            "the casts at the graph's ends fall outside of it",
            Precision.W8: "its XNNPACK delegate leaves convolutions of eight-bit weights and float features "
            "outside, and int8 is as small and faster",
            Precision.W6: "its XNNPACK delegate takes no palettes",
            Precision.W4: _SIXTEEN_LEVELS,
        },
        arithmetic={},
        layout=Layout.NCHW,
        image_precisions=frozenset(),
        half_by={},
        units=_ON_CPU,
        accelerators=(_XNNPACK,),
        proves={"executorch": "the saved file, in the runtime that apps use"},
        verified_by=_IN_APPS_RUNTIME,
        why_not_timed_here=None,
        is_quick_here=True,
        profiles_operators=True,
        kit=PhoneKit(
            program="android.py",
            guide="android.md",
            has_probe=True,
            runner="executor_runner",
            runner_source="build it from ExecuTorch's sources for Android, with XNNPACK, as its documentation says.",
        ),
        shipping={
            Platform.IOS: Shipping(refused=_NOT_IN_SWIFT),
            Platform.ANDROID: Shipping(needs="Android 8 (API 26)", engines="ExecuTorchEngines", runtime="executorch"),
            Platform.WEB: Shipping(refused="ExecuTorch has no runtime for browsers here"),
        },
    ),
    Target.COREAI: TargetFacts(
        label="Core AI",
        packages={"coreai_torch": "coreai-torch", "coreai": "coreai-core"},
        runtime_package="coreai",
        default_precision=Precision.FP16,
        not_offered={
            Precision.INT8: "features of eight bits were not tried there yet",
            Precision.W4: _SIXTEEN_LEVELS,
        },
        not_offered_choosing={
            Precision.W8: "coreai-torch makes no weights of eight bits inside of conditionals",
            Precision.W6: "coreai-torch packs no palettes inside of conditionals",
        },
        arithmetic=dict.fromkeys((Precision.W8, Precision.W6), Precision.FP16),
        layout=Layout.NCHW,
        image_precisions=frozenset(),
        half_by=dict.fromkeys(_STORED_AS_HALF, "Core AI on the GPU and the Neural Engine"),
        units=dict.fromkeys(Precision, ComputeUnit.NEURAL_ENGINE) | {Precision.FP32: ComputeUnit.GPU},
        accelerators=(
            Accelerator("CPU", "Core AI runs every program on the CPU", "it takes conditionals", takes_choices=True),
            Accelerator("GPU", _ON_THE_DEVICE, _NO_DEVICE_ASKED, takes_choices=False),
            Accelerator(
                "Neural Engine",
                _ON_THE_DEVICE,
                _NO_DEVICE_ASKED,
                takes_choices=False,
                refused={Precision.FP32: "it computes in half precision only; use fp16 there"},
            ),
        ),
        proves={
            "coreai": "the saved asset, in Apple's runtime on this CPU; not the arithmetic of a phone's accelerators"
        },
        verified_by="converts here; checked by running the asset in Apple's runtime",
        why_not_timed_here=(
            "Core AI's runtime on this machine is there to be right, not fast: it takes 25 to 40 times as long as "
            "PyTorch. Make a kit for the device: pam-edge profile kit --target coreai -o kit"
        ),
        is_quick_here=False,
        profiles_operators=False,
        kit=PhoneKit(program="mac.py", guide="coreai.md", has_probe=True),
        shipping={
            Platform.IOS: Shipping(needs="iOS 27 or macOS 27", engines="CoreAIMaker"),
            Platform.ANDROID: Shipping(refused="Core AI is Apple's"),
            Platform.WEB: Shipping(refused="no browser runs Core AI assets"),
        },
    ),
}

MOST_COMMON = Target.TFLITE
"""What is planned for where neither a person nor a device says: it runs on most of them."""
