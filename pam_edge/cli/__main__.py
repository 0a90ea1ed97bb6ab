"""What the ``pam-edge`` script runs, and ``python -m pam_edge.cli``: quiet if interrupted while it loads."""

import sys


def run() -> None:
    """Run the command line."""
    try:
        from pam_edge.cli import main
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)
    main.run()


if __name__ == "__main__":
    run()
