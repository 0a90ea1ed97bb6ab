"""``python -m pam_edge.cli``: the same as the ``pam-edge`` script."""

from pam_edge.cli.main import run

run()
