"""A cache that suddenly says much less is not believed at once."""

LARGEST_SHRINKAGE = 0.10  # in one step, before a second look is taken


class ShrinkageGuard:
    """Holds back what is more than a tenth smaller than before, until a second look shows it.

    A trust anchor that a validator could not fetch, or a file cut short, takes VRPs by the
    hundred thousand, and each of them would turn hijacks into routes that nobody vouches for.
    """

    def __init__(self) -> None:
        self._held: int | None = None

    @property
    def holds(self) -> bool:
        return self._held is not None

    @property
    def held(self) -> int | None:
        """How many VRPs there are in what is held back; None where nothing is."""
        return self._held

    def complaint(self, before: int, after: int) -> str:
        """Why `after` VRPs in place of `before` are not to be taken now; empty where they are."""
        shrunk = after < before * (1 - LARGEST_SHRINKAGE)
        confirmed = self._held is not None and (
            abs(after - self._held) <= self._held * LARGEST_SHRINKAGE
        )
        if not shrunk or confirmed:
            self._held = None
            return ""
        self._held = after
        return f"{after} VRPs instead of {before}: held until the next look confirms it"
