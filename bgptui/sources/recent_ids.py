"""Messages that came more than once because subscriptions overlap."""


class RecentIds:
    """Remembers ids in two generations of at most `capacity`: memory is bounded."""

    def __init__(self, *, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._young: set[str] = set()
        self._old: set[str] = set()

    def is_new(self, identity: str) -> bool:
        """Whether this id was not seen before, as far as memory goes; from now on it was."""
        if identity in self._young or identity in self._old:
            return False
        if len(self._young) >= self._capacity:
            self._old, self._young = self._young, set()
        self._young.add(identity)
        return True
