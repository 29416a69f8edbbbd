"""The operator's prefixes, and who may originate them."""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, parse_prefix
from bgptui.domain.routing import BgpMessage


class Rule(Struct, frozen=True):
    """What is expected of one prefix.

    Attributes:
        number: its place in the file, from 1.
        prefix: canonical.
        origins: AS numbers that may originate it, ascending.
        max_length: more-specifics up to this length are expected from these origins, too.
        min_peers: distinct peer ASNs that it takes to open an alert; None for the default.
    """

    number: int
    prefix: str
    origins: tuple[int, ...]
    max_length: int
    description: str = ""
    group: str = ""
    min_peers: int | None = None


class Watchlist:
    """The rules, the most specific one first to answer.

    Args:
        rules: of distinct canonical prefixes.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self.origins = frozenset(origin for rule in self.rules for origin in rule.origins)
        by_length: dict[tuple[int, int], dict[int, Rule]] = {}
        for rule in self.rules:
            width, address, length = parse_prefix(rule.prefix)
            by_length.setdefault((width, length), {})[address >> (width - length)] = rule
        # Per family (length, shift to its network bits, lookup), longest first.
        self._walks: dict[int, list[tuple[int, int, Callable[[int], Rule | None]]]] = {
            family: [
                (length, width - length, by_length[width, length].get)
                for width, length in sorted(by_length, reverse=True)
                if width == family
            ]
            for family in (IPV4_BITS, IPV6_BITS)
        }
        self._heads = frozenset(head for rule in self.rules for head in _heads(rule.prefix))

    def __len__(self) -> int:
        return len(self.rules)

    def covering(self, prefix: str) -> Rule | None:
        """The most specific rule for a canonical prefix or for one that covers it."""
        # Most of what is announced has nothing to do with us: its first number tells.
        head = prefix.partition(":" if ":" in prefix else ".")[0]
        if head not in self._heads:
            return None
        width, address, length = parse_prefix(prefix)
        for its_length, shift, lookup in self._walks[width]:
            if its_length <= length:
                rule = lookup(address >> shift)
                if rule is not None:
                    return rule
        return None

    def concerns(self, message: BgpMessage) -> bool:
        """The message announces or withdraws a watched prefix, or has a watched origin."""
        if not self.rules:
            return False
        path = message.as_path
        if path and not self.origins.isdisjoint(members(path[-1])):
            return True
        covering = self.covering
        return any(covering(prefix) is not None for prefix in message.announced) or any(
            covering(prefix) is not None for prefix in message.withdrawn
        )


def members(origin: int | tuple[int, ...]) -> tuple[int, ...]:
    """The AS numbers at the end of a path: one, or those of an AS_SET."""
    return (origin,) if isinstance(origin, int) else origin


def _heads(prefix: str) -> Iterator[str]:
    """What the canonical text of a prefix under this one may have before its first separator."""
    width, address, length = parse_prefix(prefix)
    bits = 8 if width == IPV4_BITS else 16
    first = address >> (width - bits)
    for number in range(first, first + (1 << max(0, bits - length))):
        if width == IPV4_BITS:
            yield str(number)
        else:
            yield f"{number:x}"
            if number == 0:
                yield ""  # RFC 5952: leading zeros as in ::1
