"""Looking again only under changed prefixes finds what looking at everything would."""

from collections.abc import Callable
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from bgptui.domain.prefix import parse_prefix
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.domain.rpki import OriginValidation, RpkiState, Vrp
from bgptui.routemon.background import RpkiBackground
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.rpki.origin_validation import judge, validate
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_set import set_of

PREFIXES = ["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "11.0.0.0/8", "2001:db8::/32"]
PEERS = [Peer("rrc00", f"192.0.2.{n}", n) for n in (1, 9)]
WATCHLIST = Watchlist([Rule(1, "10.0.0.0/8", (1,), 9)])
ORIGINS = (1, 2, (1, 2))

vrps = st.sets(
    st.builds(
        lambda prefix, more, asn: Vrp(prefix, int(prefix.rpartition("/")[2]) + more, asn),
        st.sampled_from(["8.0.0.0/6", *PREFIXES]),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=4,
)
updates = st.builds(
    lambda peer, announced, withdrawn, origin: BgpMessage(
        1.0, peer, MessageType.UPDATE, announced, withdrawn, (9, origin)
    ),
    st.sampled_from(PEERS),
    st.lists(st.sampled_from(PREFIXES), max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(PREFIXES), max_size=1).map(tuple),
    st.sampled_from(ORIGINS),
)


def monitor(union: Union, background: RpkiBackground | None = None) -> RouteMonitor:
    def ask(prefix: str, origin: int | None) -> OriginValidation:
        return validate(union.table, prefix, origin)

    generation: Callable[[], int] = lambda: union.generation  # noqa: E731
    return RouteMonitor(
        WATCHLIST,
        ask,
        generation,
        min_peers=1,
        next_id=count(1).__next__,
        background=background,
    )


@given(st.lists(vrps | updates, max_size=20))
def test_counts_and_what_fires_are_the_same(steps: list[set[Vrp] | BgpMessage]) -> None:
    union = Union()
    everything = monitor(union)
    changed_only = monitor(union, RpkiBackground(vrps_changed_since=union.changes_since))
    for step in steps:
        if isinstance(step, BgpMessage):
            everything.observe(step, 1.0)
            changed_only.observe(step, 1.0)
        else:
            union.put("cache", set_of(step), {})
        assert changed_only.counts() == everything.counts()
        if isinstance(step, BgpMessage):
            assert changed_only.firing == everything.firing


@given(vrps, st.lists(vrps, min_size=1, max_size=5))
def test_what_covered_a_prefix_before_is_found_again(
    first: set[Vrp], later: list[set[Vrp]]
) -> None:
    union, answers = Union(), {}
    for said in (first, *later):
        union.put("cache", set_of(said), {})
        answers[union.generation] = [validate(union.table, prefix, 1) for prefix in PREFIXES]
    for generation, expected in answers.items():
        for prefix, before in zip(PREFIXES, expected, strict=True):
            width, address, length = parse_prefix(prefix)
            covering = union.covering_before((width, address, length), generation)
            assert covering is not None
            assert tuple(vrp.vrp(width, address) for vrp in covering) == before.covering[:]
            if covering:
                assert judge(covering, length=length, origin=1)[0] is before.state
            else:
                assert before.state is RpkiState.NOT_FOUND
