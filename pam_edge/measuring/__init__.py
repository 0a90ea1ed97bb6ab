"""Measuring devices: probes, their timing here, kits for phones, and what artifacts take on this machine."""
