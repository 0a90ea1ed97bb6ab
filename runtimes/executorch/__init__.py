"""ExecuTorch on this machine."""
