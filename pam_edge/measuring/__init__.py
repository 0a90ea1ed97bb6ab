"""Measuring devices: probes, their timing here, kits for phones, and what artifacts take on this machine."""

DEFAULT_LIMIT_S = 140.0
"""Most time for taking rounds on this machine; here, because the command line names it before anything heavy loads."""
