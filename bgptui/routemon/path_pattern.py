"""Conditions on an AS path, as an operator writes them.

An expression that backtracks without end would stop the ingest thread, and a path is what
outsiders write: so no search takes longer than SEARCH_S (ADR 17).
"""

import logging
from functools import lru_cache

import regex
from msgspec import Struct

from bgptui.domain.routing import AsPath, path_length
from bgptui.errors import BadInput

log = logging.getLogger(__name__)

SEARCH_S = 0.05  # a plain expression takes microseconds, on the longest paths too
EXPRESSION_MOST = 1_000  # characters; compiling takes time, too
# Long paths that nearly match: expressions that backtrack without end do it on these.
_LONG_PATHS = (
    ",".join(["64496"] * 60),
    ",".join(["1"] * 400),
    ",".join(["64496"] * 60) + ",[64496,64497]",
)


class PathPattern(Struct, frozen=True):
    """Fires for a path that meets every condition that is given.

    The regular expressions are searched for in the path as text: neighbour first, origin
    last, AS numbers separated by commas, an AS_SET as [64496,64497].

    Attributes:
        match: must be found; empty for no condition.
        not_match: must not be found; empty for no condition.
        longer_than, shorter_than: AS hops, prepends counted, an AS_SET counting one. Where
            both are given, one of them must hold.
        description: what the alert says.
    """

    match: str = ""
    not_match: str = ""
    longer_than: int | None = None
    shorter_than: int | None = None
    description: str = ""

    def fires(self, path: AsPath) -> bool:
        """Whether the path meets the conditions.

        Raises:
            BadInput: `slow_pattern`; an expression of it took too long, now or before.
        """
        if self.longer_than is not None or self.shorter_than is not None:
            length = path_length(path)
            too_long = self.longer_than is not None and length > self.longer_than
            too_short = self.shorter_than is not None and length < self.shorter_than
            if not too_long and not too_short:
                return False
        text = path_text(path)
        if self.match and not _search(self.match).finds(text):
            return False
        return not self.not_match or not _search(self.not_match).finds(text)


def path_text(path: AsPath) -> str:
    """The path as patterns see it."""
    return ",".join(
        str(hop) if isinstance(hop, int) else "[" + ",".join(map(str, hop)) + "]" for hop in path
    )


def check_expression(text: str) -> None:
    """Refuse what is no regular expression, and what would take too long.

    Raises:
        BadInput: `bad_expression`, `slow_pattern`; says what is wrong with it.
    """
    if len(text) > EXPRESSION_MOST:
        raise BadInput(f"it has more than {EXPRESSION_MOST} characters", reason="bad_expression")
    try:
        expression = regex.compile(text)
    except (regex.error, RecursionError, OverflowError) as error:
        raise BadInput(f"it is no regular expression: {error}", reason="bad_expression") from None
    for path in _LONG_PATHS:
        try:
            _finds(expression, path)
        except TimeoutError:
            raise BadInput(
                "it takes too long on a long path: do not repeat what is repeated inside already",
                reason="slow_pattern",
            ) from None


def _finds(expression: regex.Pattern[str], text: str) -> bool:
    """Whether the expression is found.

    Raises:
        TimeoutError: it took too long twice: once may be this thread that had to wait.
    """
    try:
        return expression.search(text, timeout=SEARCH_S) is not None
    except TimeoutError:
        return expression.search(text, timeout=SEARCH_S) is not None


class _Search:
    """A search that is given up for good once it takes too long."""

    def __init__(self, expression: str) -> None:
        self._expression = regex.compile(expression)
        self._is_slow = False

    def finds(self, text: str) -> bool:
        if not self._is_slow:
            try:
                return _finds(self._expression, text)
            except TimeoutError:
                self._is_slow = True
                log.warning(
                    "path pattern %s took too long on %s: it is not looked at any more",
                    self._expression.pattern,
                    text[:200],
                )
        raise BadInput(f"{self._expression.pattern} takes too long", reason="slow_pattern")


@lru_cache(maxsize=1_024)
def _search(expression: str) -> _Search:
    return _Search(expression)
