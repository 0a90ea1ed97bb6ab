"""Benchmarks, run by ``make bench``: conversion time, latency and memory side by side, where ExecuTorch spends time.

Not tests: nothing here passes or fails on a number, because numbers depend on the machine and on what else it does.
Everything that is compared is measured in turns within one run, so that ratios hold even where single numbers do not.
"""
