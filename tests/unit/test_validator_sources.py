"""How the validator treats sources that speak while it looks at them."""

from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.rpki.source import SourceState, SourceStatus
from bgptui.rpki.union import Union
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_set import set_of


class Fresh:
    """Has said what it has."""

    def __init__(self, union: Union) -> None:
        union.put("fresh", set_of([Vrp("192.0.2.0/24", 24, 64496)]), {})

    def refresh(self, now: float) -> None:
        pass

    def status(self, now: float) -> SourceStatus:
        return SourceStatus("fresh", SourceState.FRESH, 1, as_of=now)

    def stop(self) -> None:
        pass


class Synchronising(Fresh):
    """Gives the union what it has, in a thread of its own, just after it was looked at."""

    def __init__(self, union: Union) -> None:
        self._union = union
        self._looks = 0

    def status(self, now: float) -> SourceStatus:
        self._looks += 1
        if self._looks == 2:  # the first look is the validator's when it is made
            self._union.put("late", set_of([Vrp("198.51.100.0/24", 24, 64497)]), {})
        state = SourceState.LOADING if self._looks <= 2 else SourceState.FRESH
        return SourceStatus("late", state, 1, as_of=now)


def test_a_source_that_comes_in_sync_while_it_is_looked_at_is_not_taken_for_stale() -> None:
    vrps = Validator([Fresh, Synchronising])
    vrps.refresh(1.0)
    vrps.refresh(2.0)
    assert vrps.validate("192.0.2.0/24", 64496).state is RpkiState.VALID
    assert vrps.validate("198.51.100.0/24", 64497).state is RpkiState.VALID
    assert "late" in vrps.validate("198.51.100.0/24", 64497).source
