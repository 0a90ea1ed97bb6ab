"""Core AI on this machine."""
