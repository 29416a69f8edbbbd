"""Errors, typed by what the caller should do about them."""


class BgptuiError(Exception):
    """Base of every error that bgptui raises on purpose; its text is one line for a person."""


class Transient(BgptuiError):
    """Something outside is away for now: back off and try again."""


class BadInput(BgptuiError):
    """One piece of input cannot be used: count it by reason, quarantine it, go on.

    Args:
        message: names the value and the place.
        reason: a short snake_case key under which it is counted, e.g. `bad_prefix`.
    """

    def __init__(self, message: str, *, reason: str = "malformed") -> None:
        super().__init__(message)
        self.reason = reason


class Fatal(BgptuiError):
    """The process cannot go on. It stops with this one line and `exit_code`."""

    exit_code = 1


class UsageError(Fatal):
    """A wrong command line or a wrong setting; the text names file, key, value and remedy."""

    exit_code = 2


class ServiceUnreachable(Fatal):
    """A service that bgptui needs (database, feed) cannot be reached; says what was tried."""

    exit_code = 3
