"""The report of an artifact folder, from plain values to one HTML file."""
