"""Waiting for conditions, always with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(check: Callable[[], T], seconds: float, what: str, every: float = 0.05) -> T:
    """Calls `check` until its result is true and returns that; fails after `seconds`, naming `what` was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last seen: {result!r})")
        time.sleep(every)
