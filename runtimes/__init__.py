"""Runtimes: load an artifact, run it, time it. Each runtime's packages load only inside it."""
