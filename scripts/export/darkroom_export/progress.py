"""What the command line shows while a model is added: one JSON object a line on standard output."""

import json
import sys
import threading
import time
from typing import Protocol

_write = threading.Lock()


class Report(Protocol):
    """Tells what is being done; with `done` and `total` how much of it (pieces, steps: any unit)."""

    def __call__(self, what: str, done: float | None = None, total: float | None = None) -> None: ...


def say(event: str, **fields: object) -> None:
    line = json.dumps({"event": event, **fields}, ensure_ascii=False)
    with _write:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def report(what: str, done: float | None = None, total: float | None = None) -> None:
    say("export", what=what, done=done, total=total)


class DownloadProgress:
    """At most two lines a second, however small the pieces are."""

    interval_s = 0.5

    def __init__(self, what: str, total_bytes: int) -> None:
        self.what, self.total, self.done, self._said = what, total_bytes, 0, 0.0

    def add(self, count: float) -> None:
        self.done += int(count)
        now = time.monotonic()
        if now - self._said >= self.interval_s or self.done >= self.total:
            self._said = now
            say("download", what=self.what, done=self.done, total=self.total)
