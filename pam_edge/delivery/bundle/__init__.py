"""Bundles: what an app ships. An artifact with the library that runs it, and the way to send proof back."""
