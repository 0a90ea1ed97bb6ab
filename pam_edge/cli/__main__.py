"""What the ``pam-edge`` script runs, and ``python -m pam_edge.cli``: quiet if interrupted before a command handles it.

Python's own start, before the first line here, cannot be made quiet from here.
"""

import os


def run() -> None:
    """Run the command line."""
    try:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _leave)
    except KeyboardInterrupt:
        _leave()
    from pam_edge.cli import main

    main.run()


def _leave(*_: object) -> None:
    """End at once: nothing is begun yet, or all is done. An exception could be lost in a callback of an import."""
    os.write(2, b"Interrupted.\n")
    os._exit(130)


if __name__ == "__main__":
    run()
