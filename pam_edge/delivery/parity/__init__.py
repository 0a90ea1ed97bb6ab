"""Parity of artifacts: every entry point run in its runtime, here or on a device, against the supernet."""
