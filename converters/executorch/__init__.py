"""ExecuTorch: programs for the XNNPACK delegate."""
