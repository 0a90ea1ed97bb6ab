"""Serving a web bundle, here or on the local network, and taking the samples that a browser there measures."""
