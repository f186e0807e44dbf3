"""The time by which the old rules go: a test sets it."""

now = 1_800_000_000.0


def time() -> float:
    """Return the time that a test has set, in seconds since the epoch."""
    return now
