"""What becomes of a signal inside the process that gets it."""

import os
import signal
import time
from contextlib import suppress

import pytest

from pam_edge.cli import interruption, main
from pam_edge.cli.interruption import Interrupted, interruptible, noting

NUMBERS = [signal.SIGINT, signal.SIGTERM]


def send(number):
    os.kill(os.getpid(), number)
    time.sleep(0.01)  # Python calls handlers between its own instructions


@pytest.fixture(autouse=True)
def handlers():
    """Put the handlers back: an interrupted command leaves the signals ignored, as it is about to end."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", NUMBERS)
def test_an_interruption_is_told_with_all_notes_and_exits_as_shells_expect(number, capsys):
    with pytest.raises(SystemExit) as left, interruptible(json=False), noting("Outer."), noting("Inner."):
        send(number)
    assert left.value.code == 128 + number
    assert capsys.readouterr() == ("", "Interrupted. Inner. Outer.\n")


@pytest.mark.parametrize("number", NUMBERS)
def test_the_notes_are_told_whatever_error_an_interruption_was_turned_into(number, capsys):
    def turns_it():
        try:
            send(number)
        except BaseException:
            raise ImportError("native code could not be loaded") from None

    with pytest.raises(SystemExit) as left, interruptible(json=False), noting("Nothing was written."):
        turns_it()
    assert left.value.code == 128 + number
    assert capsys.readouterr().err == "Interrupted. Nothing was written.\n"


@pytest.mark.parametrize("number", NUMBERS)
def test_an_error_that_an_interruption_was_turned_into_is_the_interruption(number, capsys, monkeypatch):
    def turned(*arguments, **options):
        try:
            send(number)
        except BaseException:
            raise ImportError("native code could not be loaded") from None

    monkeypatch.setattr(main, "app", turned)
    monkeypatch.setattr("sys.argv", ["pam-edge", "doctor"])
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == 128 + number
    assert capsys.readouterr() == ("", "Interrupted.\n")


def test_an_interruption_that_was_lost_comes_again(monkeypatch):
    def loses_it():
        with suppress(Interrupted):
            send(signal.SIGTERM)
        time.sleep(10)

    monkeypatch.setattr(interruption, "_PATIENCE_S", 0.1)
    with pytest.raises(SystemExit) as left, interruptible(json=False):
        loses_it()
    assert left.value.code == 143


def test_later_signals_do_not_disturb_the_cleaning_up(capsys):
    cleaned = []

    def command():
        try:
            send(signal.SIGINT)
        finally:
            send(signal.SIGINT)
            send(signal.SIGTERM)
            cleaned.append(True)

    with pytest.raises(SystemExit), interruptible(json=False):
        command()
    assert cleaned == [True]
    send(signal.SIGINT)  # on the way out
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_command_that_was_done_already_stays_done():
    with interruptible(json=False), suppress(Interrupted):
        send(signal.SIGINT)


@pytest.mark.parametrize("number", [*NUMBERS, signal.SIGALRM])
def test_signals_are_as_they_were_after_a_command(number):
    before = signal.getsignal(number)
    with interruptible(json=False):
        assert signal.getsignal(number) != before
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_forked_process_ends_by_the_signal_itself(number):
    with interruptible(json=False):
        child = os.fork()
        if not child:
            time.sleep(10)
            os._exit(0)
        time.sleep(0.1)
        os.kill(child, number)
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == number


def test_a_signal_that_this_process_was_started_to_ignore_stays_ignored(capsys):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as shells do for what a script starts in the background
    with interruptible(json=False):
        send(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    with pytest.raises(SystemExit), interruptible(json=False):
        send(signal.SIGTERM)
    assert capsys.readouterr().err == "Interrupted.\n"
