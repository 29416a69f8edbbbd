"""Verdicts on routes, kept in the least memory and found by the fewest lookups.

It answers RPKI and watchlist together, in two parts. Nearly all of what is announced has one
origin, and all is well with it (or was told): by prefix, that origin with the code of the RPKI
state. One lookup without making a pair, in half the memory. Of everything else by pair of prefix
and origin: such a code, or the verdict.
"""

from collections.abc import Iterator

from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.rpki import RpkiState
from bgptui.routemon.verdict import Origin, Verdict

VERDICTS_MOST = 400_000  # (prefix, origin) pairs, about 60 MB

STATES = tuple(RpkiState)
CODES = {state: code for code, state in enumerate(STATES)}
_CODE_BITS = 2
CODES_END = 1 << _CODE_BITS
WATCHED = CODES_END  # added to the code of a watched prefix: there is more to look at
_NO_CODE = 1 << 62  # far above any origin's
_INVALID = CODES[RpkiState.INVALID]

Pair = tuple[str, Origin]


class VerdictCache:
    """Bounded: when it is full everything is forgotten, and what is announced these minutes is
    back at once.

    Attributes (always the same two dicts, which the hot path reads by itself):
        usual: by prefix, `coded(origin)` plus the code of the state.
        pairs: of the others the code, with WATCHED where it applies, or the verdict.
    """

    def __init__(self, most: int = VERDICTS_MOST) -> None:
        self._most = most
        self.usual: dict[str, int] = {}
        self.pairs: dict[Pair, int | Verdict] = {}

    def put(self, pair: Pair, said: int | Verdict) -> None:
        """Remember what a route was found to be."""
        if len(self.usual) + len(self.pairs) >= self._most:
            self.forget()
        prefix, origin = pair
        own = coded(origin)
        if (
            isinstance(said, int)
            and own != _NO_CODE
            and said < WATCHED
            and prefix not in self.usual
        ):
            self.usual[prefix] = own + said
        else:
            self.pairs[pair] = said

    def forget(self) -> None:
        """Everything."""
        self.usual.clear()
        self.pairs.clear()

    def drop(self, pair: Pair) -> None:
        """What is remembered as a pair."""
        self.pairs.pop(pair, None)

    def under(self, changed: PrefixSet) -> Iterator[tuple[Pair, int | Verdict]]:
        """What is remembered of routes at or below these prefixes."""
        for prefix in changed.among(self.usual):
            value = self.usual[prefix]
            yield (prefix, value >> _CODE_BITS), value & (CODES_END - 1)
        below = set(changed.among({prefix for prefix, _ in self.pairs}))
        for pair, said in self.pairs.items():
            if pair[0] in below:
                yield pair, said

    def renew(self, pair: Pair, said: int | Verdict, state: RpkiState) -> None:
        """VRPs changed under a route of which `said` is remembered. What is worth more than a new
        code is forgotten: it is judged when it is announced again."""
        prefix, origin = pair
        code = CODES[state]
        keeps = isinstance(said, int) and _INVALID not in {code, said & (CODES_END - 1)}
        if pair not in self.pairs:
            if keeps:
                self.usual[prefix] = coded(origin) + code
            else:
                del self.usual[prefix]
        elif keeps and isinstance(said, int):
            self.pairs[pair] = (said & WATCHED) + code
        else:
            del self.pairs[pair]


def coded(origin: Origin) -> int:
    """What is to be added to a state's code; of an AS_SET, which has none, more than any code."""
    return origin << _CODE_BITS if isinstance(origin, int) else _NO_CODE
