"""Bounded caches for text that comes again and again: prefixes, next hops, peers."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Interned(dict[K, V], Generic[K, V]):
    """A dict that makes what it misses, in two generations of at most `capacity` entries.

    When the young generation is full it becomes the old one and the old one is forgotten;
    what is used again is carried over. So memory is bounded by 2 * capacity entries, and what
    is in use stays. A hit is one dict lookup in C, which is why this is a dict.

    Args:
        make: value of a key; what it raises is raised by the lookup and nothing is stored.
        capacity: entries of one generation, at least 1.
    """

    def __init__(self, make: Callable[[K], V], *, capacity: int) -> None:
        super().__init__()
        if capacity < 1:
            raise ValueError(f"capacity {capacity} is below 1")
        self._make = make
        self._capacity = capacity
        self._old: dict[K, V] = {}

    def __missing__(self, key: K) -> V:
        value = self._old.get(key)
        if value is None:
            value = self._make(key)
        if len(self) >= self._capacity:
            self._old = dict(self)
            self.clear()
        self[key] = value
        return value
