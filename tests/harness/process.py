"""Child processes that cannot outlive the tests."""

import ctypes
import os
import random
import signal
import socket
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, *, log=None, **options):
    """subprocess.Popen in its own process group; the kernel kills it when the test process dies. Output goes to the file
    `log` unless the options say otherwise. Call it from the main thread (the kernel watches the creating thread)."""
    if log is not None:
        with open(log, "ab") as file:
            return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                    preexec_fn=_die_with_parent, start_new_session=True, **options)
    return subprocess.Popen(command, preexec_fn=_die_with_parent, start_new_session=True, **options)


def stop(process, timeout=10.0):
    """SIGTERM, then SIGKILL after `timeout` seconds. Returns the exit code; harmless when it has ended already."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
    return process.returncode


def free_port():
    """A loopback port that nobody listens on now, below those that the system gives to connections, so that none of them
    takes it before its server has started."""
    while True:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.SystemRandom().randrange(12000, 32000)))
            except OSError:
                continue
            return probe.getsockname()[1]


def tail(path, lines=40):
    """The last lines of a log, for failure messages."""
    try:
        with open(path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return f"({error})"


def environment(**extra):
    """This process's environment without the settings of Waybill, plus `extra`."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")}
    env.update({k: str(v) for k, v in extra.items()})
    return env
