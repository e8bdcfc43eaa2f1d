"""A program on a pseudo-terminal, driven as a person would: wait for what it shows, type, look again."""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time


class Terminal:
    """Runs `argv` with a terminal of its own, as the leader of its session."""

    def __init__(self, argv, cols=101, rows=33, env=None):
        self.shown = b""
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        # Kept open: what the program leaves of the terminal's settings can be read after its end.
        self.follower = follower
        self.before = termios.tcgetattr(follower)
        self.child = os.fork()
        if self.child == 0:
            os.login_tty(follower) if hasattr(os, "login_tty") else self._login(follower)
            os.execvpe(argv[0], argv, {**os.environ, **(env or {})})

    @staticmethod
    def _login(follower):
        os.setsid()
        fcntl.ioctl(follower, termios.TIOCSCTTY, 0)
        for fd in range(3):
            os.dup2(follower, fd)
        if follower > 2:
            os.close(follower)

    def until(self, wanted, seconds=20):
        """Returns whether `wanted` is shown, within a time, after what was asked for before."""
        wanted, end = wanted.encode(), time.monotonic() + seconds
        while wanted not in self.shown:
            if time.monotonic() > end or not self._read(0.2):
                return wanted in self.shown
        self.shown = self.shown.split(wanted, 1)[1]
        return True

    def _read(self, seconds):
        if not select.select([self.leader], [], [], seconds)[0]:
            return True
        try:
            piece = os.read(self.leader, 65536)
        except OSError:
            return False
        self.shown += piece
        return bool(piece)

    def type(self, text):
        os.write(self.leader, text.encode())

    def resize(self, cols, rows):
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        os.killpg(os.tcgetpgrp(self.leader), signal.SIGWINCH)

    def end(self, seconds=20):
        """Waits for the program's end and returns its exit code; None when it had to be killed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.05)
            done, status = os.waitpid(self.child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        return None

    def is_as_before(self):
        """Returns whether the terminal's settings are the ones that it had at the start."""
        return termios.tcgetattr(self.follower) == self.before
