"""Expected origins that are not valid any more, until they are again."""

from collections.abc import Iterable, Mapping, Sequence

from bgptui.domain.alert import Severity
from bgptui.domain.roa import RoaEvent, RoaKind, RoaReading
from bgptui.domain.rpki import RpkiState
from bgptui.routemon.roa_anchors import Anchor
from bgptui.routemon.roa_baseline import Difference, VrpMap
from bgptui.routemon.roa_book import RoaBook
from bgptui.routemon.roa_expected import Expected, VrpIndex, expectations, rule_of
from bgptui.routemon.roa_facts import (
    LOSSES_SHOWN,
    Loss,
    loss_fact,
    loss_text,
    named,
    rule_fact,
    source_fact,
)
from bgptui.routemon.watchlist import Rule, Watchlist

PREFIX = f"roa|{RoaKind.LOST}|"

Losses = dict[Expected, Loss]


class RoaLosses:
    """What one origin lost at one time is one matter, which is over when all of it is back.

    What goes with a trust anchor that shrinks is kept with that: one alert tells of both.
    """

    def __init__(self, book: RoaBook) -> None:
        self._book = book
        self._lost: dict[str, Losses] = {}
        self._with_anchor: dict[Anchor, Losses] = {}

    def restore(self, key: str, losses: Iterable[Loss]) -> None:
        """Go on with a matter that an earlier run told of."""
        self._lost[key] = {loss.expected: loss for loss in losses}
        self._book.take_over(key)

    def restore_with(self, anchor: Anchor, losses: Iterable[Loss]) -> None:
        """Likewise, of one that belongs to a trust anchor."""
        self._with_anchor[anchor] = {loss.expected: loss for loss in losses}

    def with_anchor(self, anchor: Anchor) -> Sequence[Loss]:
        """What went with a trust anchor."""
        return list(self._with_anchor.get(anchor, {}).values())

    def begin(self, watchlist: Watchlist, difference: Difference) -> Losses:
        """What was lost by a difference, and is not known yet."""
        before, after = VrpIndex(difference.before), VrpIndex(difference.after)
        known = {expected for losses in self._all() for expected in losses}
        found: Losses = {}
        for expected in expectations(watchlist, difference.before):
            was, state = before.state(expected), after.state(expected)
            if expected not in known and _is_worse(was, state):
                found[expected] = Loss(
                    expected,
                    was,
                    state,
                    named(before.covering(expected.prefix), difference.before),
                    named(after.covering(expected.prefix), difference.after),
                )
        return found

    def review(self, watchlist: Watchlist, vrps: VrpMap) -> set[Expected]:
        """Drop what is back, or not expected any more, and bring the rest up to date; what is
        back."""
        index, back = VrpIndex(vrps), set()
        for losses in self._all():
            for expected, loss in list(losses.items()):
                state = index.state(expected)
                if rule_of(watchlist, expected) is None:
                    del losses[expected]
                elif not _is_worse(loss.was, state):
                    back.add(expected)
                    del losses[expected]
                else:
                    now = named(index.covering(expected.prefix), vrps)
                    losses[expected] = Loss(expected, loss.was, state, loss.before, now)
        return back

    def sort(self, found: Losses, shrunk: Iterable[Anchor], watchlist: Watchlist) -> None:
        """Take new losses to the matters that they belong to, or to their trust anchor's."""
        by_name = {anchor.name: anchor for anchor in shrunk}
        for anchor in list(self._with_anchor):
            if by_name.get(anchor.name) is None:
                found |= self._with_anchor.pop(anchor)  # it is said to be as ever: they are not
        groups: dict[tuple[int, float | None], list[Loss]] = {}
        for expected, loss in sorted(found.items()):
            anchor_of_it = _anchor(loss, by_name)
            if anchor_of_it is not None:
                self._with_anchor.setdefault(anchor_of_it, {})[expected] = loss
                continue
            rule = rule_of(watchlist, expected)
            mute = None if rule is None else rule.mute_until
            groups.setdefault((expected.origin, mute), []).append(loss)
        for (origin, _), losses in groups.items():
            key = f"{PREFIX}AS{origin}|{losses[0].expected.prefix}"
            self._lost.setdefault(key, {}).update({loss.expected: loss for loss in losses})

    def tell(self, watchlist: Watchlist, reading: RoaReading, *, since: float) -> None:
        """Tell of every matter as it stands."""
        for key, losses in list(self._lost.items()):
            if losses:
                self._tell(key, list(losses.values()), watchlist, reading, since=since)
            else:
                del self._lost[key]
                self._book.clear(key, "the expected origin is as before, or not expected any more")

    def _tell(
        self,
        key: str,
        losses: Sequence[Loss],
        watchlist: Watchlist,
        reading: RoaReading,
        *,
        since: float,
    ) -> None:
        worst = min(losses, key=lambda loss: loss.state is not RpkiState.INVALID)
        told = [worst, *(loss for loss in losses if loss is not worst)]
        rule = rule_of(watchlist, worst.expected)
        is_invalid = worst.state is RpkiState.INVALID
        self._book.tell(
            RoaEvent(
                timestamp=self._book.now,
                since=since,
                key=key,
                kind=RoaKind.LOST,
                severity=Severity.HIGH if is_invalid else Severity.MEDIUM,
                description=loss_text(told),
                prefixes=tuple(dict.fromkeys(loss.expected.prefix for loss in told)),
                origin_asn=worst.expected.origin,
                watched_prefix=rule.prefix if isinstance(rule, Rule) else None,
                expected_origins=(worst.expected.origin,),
                rpki_status=worst.state.value,
                evidence=(
                    *(() if rule is None else (rule_fact(rule),)),
                    *(loss_fact(loss) for loss in told[:LOSSES_SHOWN]),
                    source_fact(reading, worst.state),
                ),
            ),
            rule,
        )

    def _all(self) -> list[Losses]:
        return [*self._lost.values(), *self._with_anchor.values()]


def _is_worse(was: RpkiState, state: RpkiState) -> bool:
    """Valid and not any more, or invalid though nobody covered it before."""
    if was is RpkiState.VALID:
        return state is not RpkiState.VALID
    return was is RpkiState.NOT_FOUND and state is RpkiState.INVALID


def _anchor(loss: Loss, shrunk: Mapping[str, Anchor]) -> Anchor | None:
    """The trust anchor with which it went; None where another one vouched for it."""
    allowing = [vrp for vrp in loss.before if vrp.asn == loss.expected.origin]
    names = {name for vrp in allowing for name in vrp.trust_anchor.split(", ")}
    if not names or not names <= shrunk.keys():
        return None
    return shrunk[min(names)]
