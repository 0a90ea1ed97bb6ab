"""LiteRT's operator profiles, as ``benchmark_model`` of several releases writes them, and files that are none."""

import pytest

from pam_edge.errors import ProfileError
from pam_edge.measuring.benchmark_csv import read_benchmark_csv

COLUMNS = {
    "now": "node type, first, avg_ms, %, cdf%, mem KB, times called, name",
    "with starts": "node type, start, first, avg_ms, %, cdf%, mem KB, times called, name",
}
TYPES = ["ADD", "Convolution (NHWC, F32) IGEMM", "Fully Connected (NC, F32, QC8W) GEMM", "Mean (ND, F32), of two, axes"]
TITLE = "============================== {} =============================="
REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs:"


def row(kind, average, columns="now", name="[alpha]:0"):
    cells = {"start": 1.5, "first": 3 * average, "avg_ms": average, "%": "12.5%", "cdf%": "100%", "mem KB": 0}
    cells |= {"times called": 1, "name": name.replace(",", "\t")}
    return ", ".join([kind, *(str(cells[column]) for column in COLUMNS[columns].split(", ")[1:])])


def table(*rows, columns="now", title="Run Order"):
    return [TITLE.format(title), COLUMNS[columns], *rows, ""]


def written(folder, *lines):
    file = folder / "full.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("escaped", [False, True])
def test_the_mean_is_read_whatever_commas_the_type_has(tmp_path, columns, kind, escaped):
    given = kind.replace(",", "\t") if escaped else kind
    rows = [row(given, 0.25, columns, name=f"Delegate/{kind}:0"), row(given, 1e-05, columns, name="[a, b]:1")]
    assert read_benchmark_csv(written(tmp_path, *table(*rows, columns=columns))) == [(kind, 0.25), (kind, 1e-05)]


def test_the_regular_runs_are_read_in_order_and_loading_is_not(tmp_path):
    loading = ["Profiling Info for Benchmark Initialization:", *table(row("ModifyGraphWithDelegate", 60.0))]
    regular = [REGULAR, *table(row("ADD", 1.0), row("MUL", 2.0))]
    sorted_by_time = table(row("MUL", 2.0), row("ADD", 1.0), title="Top by Computation Time")
    assert read_benchmark_csv(written(tmp_path, *loading, *regular, *sorted_by_time)) == [("ADD", 1.0), ("MUL", 2.0)]


def test_the_table_of_the_entry_point_that_ran_is_read(tmp_path):
    """A file of several entry points has a graph for each; the first has a table even where another one ran."""
    graphs = [
        *("Primary graph (name: full) profile:", *table()),
        *("Subgraph (index: 2, name: mild) profile:", *table(row("ADD", 1.0))),
    ]
    assert read_benchmark_csv(written(tmp_path, *table(row("Load", 9.0)), REGULAR, *graphs)) == [("ADD", 1.0)]


def test_regular_runs_without_operators_are_not_those_of_loading(tmp_path):
    assert read_benchmark_csv(written(tmp_path, *table(row("Load", 9.0)), REGULAR, *table())) == []


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda line: line.replace(", 0.25,", ", soon,"), "a number as avg_ms of 'Conv.*'soon'"),
        (lambda line: line.replace("12.5%", "12.5"), "a percentage as % of .*'12.5'"),
        (lambda line: line.replace(", 0.75,", ", 0.75%,"), "a number as first of .*'0.75%'"),
        (lambda line: line + ", more", "expected a .*'12.5%'"),
        (lambda line: line[:20], "expected the columns node type, .*got 'Convolution"),
    ],
)
def test_a_row_that_does_not_fit_its_header_is_refused_with_its_line(tmp_path, damage, reason):
    line = damage(row("Convolution (NHWC, F32) IGEMM", 0.25))
    with pytest.raises(ProfileError, match=f"full.csv, line 4: .*{reason}"):
        read_benchmark_csv(written(tmp_path, *table(row("ADD", 1.0), line)))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("cell", range(1, 8))
def test_a_row_with_a_cell_less_is_refused_whichever_it_is(tmp_path, kind, cell):
    name, *cells = row(kind, 0.25).rsplit(", ", 7)
    del cells[cell - 1]
    with pytest.raises(ProfileError, match="line 3: expected"):
        read_benchmark_csv(written(tmp_path, *table(", ".join([name, *cells]))))


def test_columns_of_another_tool_are_refused(tmp_path):
    with pytest.raises(ProfileError, match="line 2: expected columns from 'node type' to 'name' with 'avg_ms'"):
        read_benchmark_csv(written(tmp_path, TITLE.format("Run Order"), "operator, ms", "ADD, 1.0"))


def test_a_printed_log_is_refused_with_the_option_that_writes_csv(tmp_path):
    header = "\t".join(
        ["", "[node type]", "[first]", "[avg ms]", "[%]", "[cdf%]", "[mem KB]", "[times called]", "[Name]"]
    )
    line = "\tConvolution (NHWC, F32) IGEMM\t 0.750\t 0.250\t 12.5%\t 100.0%\t 0.000\t 1\tDelegate/Convolution:0"
    with pytest.raises(ProfileError, match=r"--op_profiling_output_mode=csv.*--profiling_output_csv_file"):
        read_benchmark_csv(written(tmp_path, "INFO: " + REGULAR, TITLE.format("Run Order"), header, line, ""))
