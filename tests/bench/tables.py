"""Print results; every table says what its numbers mean."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.bench import latency
from tests.bench.choosing import Choosing
from tests.bench.conversion import EXPECTED_ENTRY_POINTS, ConversionTime
from tests.bench.ends import EndsCost
from tests.bench.latency import Comparison
from tests.bench.operators import Breakdown, explain
from tests.bench.prediction import Prediction
from tests.bench.rounds import Ratio

_MIB = 2**20
_QUIET_FROM = 0.95


def print_conversion(console: Console, found: ConversionTime) -> None:
    """Print wall time and what was verified."""
    everything = found.verified == found.entry_points == EXPECTED_ENTRY_POINTS
    verdict = f"{found.verified} of {EXPECTED_ENTRY_POINTS} verified" + (
        f", {found.not_run} not run" if found.not_run else ""
    )
    console.print(f"\n[bold]pam-edge {found.command}[/]", highlight=False)
    console.print(f"  {found.wall_s:.0f} s wall, {found.cpu_s:.0f} s of processor time, one run from a cold process")
    console.print(f"  {verdict}", style="green" if everything else "red")
    if found.error:
        console.print(f"  {found.error}", style="red", markup=False, highlight=False)


def print_comparison(console: Console, found: Comparison) -> None:
    """Print one subnet's contenders, then the ratios that matter."""
    console.print(_standings(found))
    console.print(
        f"GEMM in the same rounds (torch.mm, 1024 cubed): {found.gemm_rate:.1f} GMAC/s wall, "
        f"{_cpu_rate(found):.1f} by processor time. Every contender starts from float32 arrays in its own layout; "
        "'via pam_edge.runtimes' starts from uint8. cpu = processor time. Memory: peak resident set from before "
        "loading to after the runs, minus the resident set after imports; 'mapped' is its part in file pages, mostly "
        "library code that runs for the first time.",
        style="dim",
        highlight=False,
    )
    console.print(_ratios(found))
    if found.core_share is not None and found.core_share < _QUIET_FROM:
        console.print(
            f"The machine was busy: the GEMM had {found.core_share:.0%} of a core. Read the cpu column; wall "
            "times, the longer ones most, hold other processes' time.",
            style="yellow",
            highlight=False,
        )


def _standings(found: Comparison) -> Table:
    runs = len(found.gemm.wall_ms)
    title = (
        f"{found.checkpoint}, full path, {found.size}x{found.size}, {found.gmacs:.2f} GMACs, threads {found.threads}, "
        f"{runs} rounds in turns"
    )
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("")
    for name in ("median ms", "p90 ms", "cpu ms", "GMAC/s", "peak MiB", "mapped MiB", "max |Δα|"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, standing in found.standings.items():
        samples = standing.samples
        times = [f"{value:.1f}" for value in (samples.median_ms, samples.p90_ms, samples.cpu_median_ms)]
        memory = [f"{value / _MIB:.1f}" for value in (standing.peak_bytes, standing.mapped_bytes)]
        table.add_row(name, *times, f"{found.rate(name):.1f}", *memory, f"{standing.max_abs_error:.0e}")
    return table


def _cpu_rate(found: Comparison) -> float:
    return found.gemm_rate * found.gemm.median_ms / found.gemm.cpu_median_ms * found.threads


def _ratios(found: Comparison) -> Table:
    table = Table(title="ratios, round by round", title_justify="left", title_style="bold")
    for name, side in (("", "left"), ("wall, median", "right"), ("quartiles", "right"), ("cpu, median", "right")):
        table.add_column(name, justify="right" if side == "right" else "left")
    table.add_column("aim", justify="right")
    eager = found.better_eager
    for label, ratio, aim in (
        (f"better eager / LiteRT ({eager})", found.ratio(eager, latency.LITERT), ">= 1.1"),
        ("LiteRT / ONNX Runtime", found.ratio(latency.LITERT, latency.ONNX), "<= 1.1"),
        ("ExecuTorch / LiteRT", found.ratio(latency.EXECUTORCH, latency.LITERT), ""),
        ("better eager / ExecuTorch", found.ratio(eager, latency.EXECUTORCH), ""),
        ("Core ML reference / eager", found.ratio(latency.COREML_REFERENCE, latency.EAGER), "<= 3"),
    ):
        table.add_row(label, *_cells(ratio, "{:.2f}"), aim)
    for name, aim in ((latency.LITERT, ">= 65 %"), (latency.EXECUTORCH, ""), (latency.ONNX, "")):
        table.add_row(f"{name}, share of the GEMM rate", *_cells(found.gemm_share(name), "{:.0%}"), aim)
    for name in (latency.LITERT, latency.EXECUTORCH):
        for layout in (latency.EAGER, latency.CHANNELS_LAST):
            whole, unmapped = found.memory_ratio(name, layout), found.unmapped_memory_ratio(name, layout)
            note = f"{unmapped:.2f} unmapped"
            table.add_row(f"{name} / {layout}, peak memory", f"{whole:.2f}", note, "", "< 0.5")
    reference = found.memory_ratio(latency.COREML_REFERENCE, latency.EAGER)
    table.add_row("Core ML reference / eager, peak memory", f"{reference:.2f}", "", "", "<= 3")
    return table


def _cells(ratio: Ratio, form: str) -> tuple[str, str, str]:
    spread = f"{form.format(ratio.low)} to {form.format(ratio.high)}"
    return form.format(ratio.median), spread, form.format(ratio.cpu_median)


def print_choosing(console: Console, found: Choosing) -> None:
    """Print a dynamic graph over static ones of the same path, and how latency grows with the budget."""
    table = Table(
        title=f"{found.checkpoint}, {found.target}: dynamic over static, same path",
        title_justify="left",
        title_style="bold",
    )
    for name in ("", "ratio", "quartiles", "cpu", "aim"):
        table.add_column(name, justify="left" if not name else "right")
    for overhead in (found.chosen, found.complete):
        table.add_row(f"{overhead.path}: latency", *_cells(overhead.latency, "{:.3f}"), "<= 1.03")
        table.add_row("peak memory", f"{overhead.memory_ratio:.3f}", "", "", "<= 1.10")
    table.add_row("file, over the full path's", f"{found.file_ratio:.3f}", "", "", "<= 1.20")
    console.print(table)
    console.print(
        "First the path that the gates choose at full budget; then the full path, by gates made to say run.",
        style="dim",
    )
    rows = ", ".join(f"{share:.0%} {ms:.1f} ms ({path})" for share, (path, ms) in found.budgets_ms.items())
    console.print(f"Budgets, in turns: {rows}.", style="dim", highlight=False, soft_wrap=True)


def print_ends(console: Console, found: EndsCost) -> None:
    """Print what the ends of a graph cost."""
    title = f"{found.checkpoint}, {found.target}: what a graph's ends cost, path {found.path}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("over trimap in, alpha out", "latency", "quartiles", "processor time", "peak memory"):
        table.add_column(name, justify="left" if not table.columns else "right")
    for name, ratio in found.latency.items():
        spread = f"{ratio.low:.3f} to {ratio.high:.3f}"
        memory = f"{found.memory_ratio[name]:.3f}"
        table.add_row(name, f"{ratio.median:.3f}", spread, f"{ratio.cpu_median:.3f}", memory)
    console.print(table)


def print_prediction(console: Console, found: Prediction) -> None:
    """Print how far a profile's predictions were off."""
    table = Table(
        title=f"{found.checkpoint}, {found.target}: a profile's predictions", title_justify="left", title_style="bold"
    )
    for name in ("", "found", "aim"):
        table.add_column(name, justify="left" if not name else "right")
    errors = sorted(abs(error) for error in found.static_errors_pct.values())
    table.add_row("one measurement, conversion included", f"{found.seconds:.0f} s", "<= 240 s")
    table.add_row(f"{found.held_out_paths} held-out paths, median", f"{found.held_out_median_pct:.2f} %", "<= 1 %")
    table.add_row("the worst of them", f"{found.held_out_worst_pct:.2f} %", "<= 3 %")
    table.add_row("entries of two measurements that agree", f"{found.agreement:.0%}", ">= 90 %")
    table.add_row(f"{len(errors)} planned static graphs, median", f"{errors[len(errors) // 2]:.2f} %", "<= 2 %")
    table.add_row("the worst of them", f"{errors[-1]:.2f} %", "")
    table.add_row("most over a budget (below zero: none)", f"{found.over_budget_pct:+.2f} %", "<= 3 %")
    chosen = sorted(abs(error) for error in found.chosen_errors_pct)
    table.add_row(
        f"{len(chosen)} choices of a dynamic graph, within the interval", f"{found.chosen_inside:.0%}", ">= 95 %"
    )
    table.add_row("the same, at whatever pace the machine had", f"{found.chosen_inside_anyway:.0%}", "")
    table.add_row("the machine's pace, of the profile's", f"{found.pace:.3f}", "")
    table.add_row("their median error", f"{chosen[len(chosen) // 2]:.2f} %", "")
    table.add_row(
        "mean latency by budget", ", ".join(f"{share:.0%} {ms:.1f}" for share, ms in found.budgets_ms.items()), "rising"
    )
    console.print(table)


def print_breakdown(console: Console, found: Breakdown) -> None:
    """Print ExecuTorch's operator classes, and a line for each one above 5 %."""
    table = Table(
        title=f"ExecuTorch inside the delegate: {found.checkpoint}, {found.size}x{found.size}, threads {found.threads}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("class")
    for name in ("operators", "ms", "share", "GMAC/s", "of GEMM"):
        table.add_column(name, justify="right")
    for entry in found.classes:
        rate = (f"{entry.rate:.1f}", f"{entry.rate / found.gemm_rate:.0%}") if entry.rate else ("", "")
        table.add_row(entry.name, str(entry.operators), f"{entry.fastest_ms:.2f}", f"{found.share(entry):.1%}", *rate)
    console.print(table)
    outside = ", ".join(f"{name} ({count})" for name, count in found.outside.items()) or "nothing"
    console.print(f"Outside the delegate: {outside}.", style="red" if found.outside else "green")
    console.print(
        f"Each operator by its fastest run: {found.operators_ms:.1f} ms together, the fastest delegate call took "
        f"{found.delegate_ms:.1f} ms, the fastest GEMM in the same rounds reached {found.gemm_rate:.1f} GMAC/s.",
        style="dim",
        highlight=False,
    )
    for entry in found.heavy:
        console.print(
            f"  {entry.name}, {found.share(entry):.0%}: {explain(found, entry)}.", highlight=False, soft_wrap=True
        )
