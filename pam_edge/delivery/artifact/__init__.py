"""Artifact folders: what is in one, how it is written whole, and how it is opened."""
