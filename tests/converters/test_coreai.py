"""Core AI: equal bytes, names, conditionals, halves, and what its converter would do wrong."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from coreai_torch import TorchConverter
from torch import nn

from pam_edge.converters.base import ConversionJob, EntryPoint
from pam_edge.converters.coreai.asset import canonical_text
from pam_edge.converters.coreai.conditionals import check_conditionals
from pam_edge.converters.coreai.converter import CoreAIConverter
from pam_edge.converters.coreai.decompositions import decompositions
from pam_edge.errors import UnsupportedOpError
from pam_edge.graphs.ends import Interface
from pam_edge.runtimes.coreai.function import call_function, open_function, release
from pam_edge.supernet.checkpoint import load_checkpoint
from pam_edge.supernet.path import PathSpec
from pam_edge.terms import Mode, Precision, TensorIO

FULL, SHORT = PathSpec((True,) * 4), PathSpec((False,) * 4)
ENTRIES = {
    Mode.STATIC: (EntryPoint("full", FULL, Interface(32, 64)),),
    Mode.MULTI: (EntryPoint("full", FULL, Interface(32, 64)), EntryPoint("short", SHORT, Interface(32, 32))),
    Mode.PROBE: (EntryPoint("probe", None, Interface(32, 32)),),
}


def job(folder, mode=Mode.STATIC, precision=Precision.FP32):
    folder.mkdir(parents=True, exist_ok=True)
    network = load_checkpoint("pam-minute").supernet.eval()
    return ConversionJob(network, ENTRIES[mode], mode, precision, TensorIO.TENSOR, folder)


def convert(folder, mode=Mode.STATIC, precision=Precision.FP32):
    return folder / next(iter(CoreAIConverter().convert(job(folder, mode, precision)).values()))


def computed(module, *inputs):
    """Return what a module gives in PyTorch, and in Core AI."""
    with torch.no_grad():
        expected = module(*inputs)
        program = torch.export.export(module, inputs, strict=False)
    check_conditionals(program)
    names = [f"in{index}" for index in range(len(inputs))]
    converter = TorchConverter(mode=TorchConverter.Mode.RELEASE)
    converter.add_exported_program(
        program.run_decompositions(decompositions()), input_names=names, output_names=["out"], entrypoint_name="main"
    )
    return expected, converter.to_coreai(), dict(zip(names, inputs, strict=True))


def run(program, inputs, folder):
    asset = folder / "some.aimodel"
    program.save_asset(asset)
    loaded, compiled = open_function(asset, "main")
    found = call_function(loaded, {name: value.numpy() for name, value in inputs.items()})
    release(compiled)
    return found["out"]


@pytest.mark.parametrize("mode", [Mode.MULTI, Mode.PROBE])
def test_two_processes_write_equal_bytes(mode, tmp_path):
    code = (
        "import pathlib, runpy, sys; path, folder, mode = sys.argv[1:]; t = runpy.run_path(path)\n"
        "t['convert'](pathlib.Path(folder), t['Mode'](mode), t['Precision'].FP16)"
    )
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-P", "-c", code, __file__, str(tmp_path / name), mode], check=True)
    files = [sorted(each for each in (tmp_path / name).rglob("*") if each.is_file()) for name in ("one", "two")]
    assert len(files[0]) >= 3
    for first, second in zip(*files, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_names_are_put_by_order_of_appearance_and_values_of_weights_follow_them():
    text = (
        "@avg_pool2d_composite_abcdefgh(%0)\n"
        "%1 = dense_resource<resource_77> %2 = dense_resource<resource_5> @avg_pool2d_composite_abcdefgh\n"
        '      resource_5: "0xAA",\n      resource_77: "0xBB"\n    }\n'
    )
    assert canonical_text(text) == (
        "@avg_pool2d_composite_000000(%0)\n"
        "%1 = dense_resource<weights_000001> %2 = dense_resource<weights_000002> @avg_pool2d_composite_000000\n"
        '      weights_000001: "0xBB",\n      weights_000002: "0xAA"\n    }\n'
    )
    assert canonical_text(canonical_text(text)) == canonical_text(text)


def test_the_same_weights_in_several_functions_are_stored_once(tmp_path):
    one, both = (convert(tmp_path / mode, mode) for mode in (Mode.STATIC, Mode.MULTI))
    sizes = [(asset / "main.mlirb").stat().st_size for asset in (one, both)]
    assert sizes[1] < 1.5 * sizes[0], "of a minute network, much of which is no weights"


def test_a_conditional_inside_of_another_is_refused_whose_lowering_computes_something_else():
    class Nested(nn.Module):
        def forward(self, x):
            def inner(x):
                return torch.cond(x.sum() > 10, lambda x: x * 2, lambda x: x * 3, (x,))

            return torch.cond(x.sum() > 0, inner, lambda x: x - 1, (x,))

    with pytest.raises(UnsupportedOpError, match="conditional inside"):
        computed(Nested(), torch.ones(1, 2))


@pytest.mark.parametrize(
    "arguments", [(7, 1, 3, False, False), ((1, 8), None, 0, False, False), (2,), (3, 1, 1, False, True)]
)
def test_means_leave_padding_out_as_pytorch_does(arguments, tmp_path):
    class Mean(nn.Module):
        def forward(self, x):
            return nn.functional.avg_pool2d(x, *arguments)

    expected, program, inputs = computed(Mean(), torch.rand(1, 3, 8, 16))
    np.testing.assert_allclose(run(program, inputs, tmp_path), expected.numpy(), atol=1e-6)


def test_one_number_can_be_taken_out_of_its_dimensions(tmp_path):
    class Scalar(nn.Module):
        def forward(self, x):
            return torch.cond((x[:1] > 0).reshape(()), lambda x: x + 1, lambda x: x - 1, (x,))

    for value in (-1.0, 1.0):
        expected, program, inputs = computed(Scalar(), torch.tensor([value, 5.0]))
        assert (run(program, inputs, tmp_path) == expected.numpy()).all()
