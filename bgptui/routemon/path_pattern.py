"""Conditions on an AS path, as an operator writes them."""

import re
from functools import lru_cache

from msgspec import Struct

from bgptui.domain.routing import AsPath, path_length


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
        """Whether the path meets the conditions."""
        if self.longer_than is not None or self.shorter_than is not None:
            length = path_length(path)
            too_long = self.longer_than is not None and length > self.longer_than
            too_short = self.shorter_than is not None and length < self.shorter_than
            if not too_long and not too_short:
                return False
        text = path_text(path)
        if self.match and _compiled(self.match).search(text) is None:
            return False
        return not self.not_match or _compiled(self.not_match).search(text) is None


def path_text(path: AsPath) -> str:
    """The path as patterns see it."""
    return ",".join(
        str(hop) if isinstance(hop, int) else "[" + ",".join(map(str, hop)) + "]" for hop in path
    )


@lru_cache(maxsize=1_024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
