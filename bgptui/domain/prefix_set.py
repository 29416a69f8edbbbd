"""A set of prefixes that is asked whether one of them covers a route."""

from collections.abc import Iterable, Iterator

from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS, format_prefix, heads_below, parse_prefix


class PrefixSet:
    """Immutable. Made of what parse_prefix returns: (width, address, length)."""

    __slots__ = ("_lengths", "_members")

    def __init__(self, prefixes: Iterable[tuple[int, int, int]] = ()) -> None:
        self._members = frozenset(prefixes)
        by_width: dict[int, set[int]] = {IPV4_BITS: set(), IPV6_BITS: set()}
        for width, _, length in self._members:
            by_width[width].add(length)
        self._lengths = {width: tuple(sorted(lengths)) for width, lengths in by_width.items()}

    def __len__(self) -> int:
        return len(self._members)

    @property
    def members(self) -> frozenset[tuple[int, int, int]]:
        """The prefixes as it was made of them."""
        return self._members

    def __iter__(self) -> Iterator[str]:
        """The prefixes as text, IPv4 first, in their order."""
        return (format_prefix(*member) for member in sorted(self._members))

    def __or__(self, other: "PrefixSet") -> "PrefixSet":
        return PrefixSet(self._members | other._members)

    def among(self, prefixes: Iterable[str]) -> list[str]:
        """Those of many canonical prefixes that `covers` is true of, in their order."""
        # Texts are compared first, since parsing half a million prefixes takes half a second.
        heads = {head for member in self._members for head in heads_below(*member)}
        near = [each for each in prefixes if each.partition(".")[0].partition(":")[0] in heads]
        ipv4 = [member for member in self._members if member[0] == IPV4_BITS]
        if all(length >= 16 for _, _, length in ipv4):
            pairs = {f"{address >> 24}.{address >> 16 & 255}" for _, address, _ in ipv4}
            near = [each for each in near if ":" in each or each.rsplit(".", 2)[0] in pairs]
        return [prefix for prefix in near if self.covers(prefix)]

    def covers(self, prefix: str) -> bool:
        """Whether `prefix` equals or is more specific than one of these.

        Raises:
            BadInput(`bad_prefix`): not a prefix.
        """
        width, address, length = parse_prefix(prefix)
        for its_length in self._lengths[width]:
            if its_length > length:
                return False
            below = width - its_length
            if (width, address >> below << below, its_length) in self._members:
                return True
        return False
