"""Several sources, deltas and exceptions against a union made afresh."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bgptui.domain.prefix import parse_prefix
from bgptui.domain.prefix_set import PrefixSet
from bgptui.domain.rpki import Vrp
from bgptui.rpki import vrp_table
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.slurm import PrefixFilter, Slurm
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_set import VrpSet, set_of
from bgptui.rpki.vrp_table import VrpTable, table_of

PREFIXES = (
    *("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/11", "10.0.0.0/12", "10.0.0.0/13", "10.0.0.0/24"),
    *("10.16.0.0/12", "10.0.0.0/32", "11.0.0.0/8"),
    *("::/0", "2001::/27", "2001::/28", "2001::/29", "2001::/48"),
)
ASKED = (*PREFIXES, "10.0.0.128/25", "10.17.0.0/16", "12.0.0.0/8", "2001::/64", "3000::/16")

vrps = st.builds(
    lambda prefix, more, asn: Vrp(prefix, int(prefix.split("/")[1]) + more, asn, "ripe"),
    st.sampled_from([prefix for prefix in PREFIXES if prefix != "10.0.0.0/32"]),
    st.integers(0, 1),
    st.integers(0, 2),
)
vrp_sets = st.frozensets(vrps, max_size=10)


def answers(table: VrpTable) -> list[object]:
    return [
        (got.state, got.reason, tuple(got.covering))
        for prefix in ASKED
        for asn in (1, 2)
        for got in (validate(table, prefix, asn),)
    ]


@given(st.lists(vrp_sets, min_size=2, max_size=5), st.sampled_from([0, 10**6]))
def test_a_table_changed_by_deltas_answers_as_one_made_afresh(
    steps: list[frozenset[Vrp]], many: int
) -> None:
    before, table = set_of(steps[0]), table_of(steps[0])
    kept, vrp_table._MANY = vrp_table._MANY, many
    try:
        for step in steps[1:]:
            after = set_of(step)
            table.apply(after.since(before))
            before = after
            assert answers(table) == answers(table_of(step))
            assert len(table) == len(step)
    finally:
        vrp_table._MANY = kept


@given(vrp_sets, vrp_sets)
def test_what_is_announced_and_withdrawn_is_the_difference(
    first: frozenset[Vrp], second: frozenset[Vrp]
) -> None:
    delta = set_of(second).since(set_of(first))
    assert {entry.vrp() for entry in delta.announced} == second - first
    assert {entry.vrp() for entry in delta.withdrawn} == first - second
    assert set_of(first).changed(delta) == set_of(second)


@given(vrp_sets, vrp_sets)
def test_a_set_holds_what_it_was_made_of_and_passes_as_bytes(
    vrps: frozenset[Vrp], others: frozenset[Vrp]
) -> None:
    made = set_of(vrps)
    assert sorted(entry.vrp() for entry in made) == sorted(vrps)
    assert len(made) == len(vrps)
    for entry in set_of(others):
        assert (entry in made) == (entry.vrp() in vrps)
    sent = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=VrpSet)
    assert not sent.since(made)
    assert sent.by_trust_anchor() == ({"ripe": len(vrps)} if vrps else {})


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "change", "remove"]), vrp_sets),
    max_size=8,
)
slurms = st.builds(
    lambda prefix, asn, asserted: Slurm(
        filters=() if prefix is None else (PrefixFilter(parse_prefix(prefix), asn),),
        vrps=tuple(asserted),
    ),
    st.sampled_from([None, "10.0.0.0/12", "2001::/28"]),
    st.sampled_from([None, 1]),
    st.frozensets(vrps, max_size=2),
)


@settings(deadline=None)  # many tables an example: how long that takes says nothing
@given(steps, slurms)
def test_the_union_of_what_all_sources_say_is_in_force(
    steps: list[tuple[str, str, frozenset[Vrp]]], slurm: Slurm
) -> None:
    union, said = Union(slurm), dict[str, frozenset[Vrp]]()
    for source, act, vrps in steps:
        generation, before = union.generation, answers(union.table)
        if act == "remove":
            union.remove(source)
            said.pop(source, None)
        elif act == "put" or source not in said:
            union.put(source, set_of(vrps), {})
            said[source] = vrps
        else:
            union.change(source, set_of(vrps).since(set_of(said[source])), {})
            said[source] = vrps
        everything = {vrp for vrps in said.values() for vrp in vrps}
        kept = [
            vrp
            for vrp in everything
            if not any(rule.matches(parse_prefix(vrp.prefix), vrp.asn) for rule in slurm.filters)
        ]
        expected = answers(table_of([*kept, *slurm.vrps]))
        assert answers(union.table) == expected
        latest, changed = union.changes_since(generation)
        assert latest == union.generation
        if changed is not None:
            asked = [prefix for prefix in ASKED for _ in (1, 2)]
            for prefix, was, now in zip(asked, before, expected, strict=True):
                assert was == now or changed.covers(prefix)


@given(st.dictionaries(st.sampled_from("ab"), st.sampled_from([(0,), (1, 2), (3,)])))
def test_providers_of_all_sources_count_together(said: dict[str, tuple[int, ...]]) -> None:
    union = Union(Slurm(filtered_customers=frozenset({9}), aspas={8: (7,)}))
    for source, providers in said.items():
        union.put(source, set_of([]), {5: providers, 9: providers})
    named = {asn for providers in said.values() for asn in providers}
    expected = {8: (7,)} | ({5: tuple(sorted(named - {0})) or (0,)} if said else {})
    assert union.aspas == expected
    for source in said:
        union.remove(source)
    assert union.aspas == {8: (7,)}


def test_more_changes_than_are_remembered_may_be_anywhere() -> None:
    union = Union()
    for asn in range(80):
        union.put("a", set_of([Vrp("10.0.0.0/8", 8, asn)]), {})
    assert union.changes_since(0) == (80, None)
    latest, changed = union.changes_since(78)
    assert changed is not None
    assert (latest, list(changed)) == (80, ["10.0.0.0/8"])


@given(st.frozensets(st.sampled_from(PREFIXES)), st.sampled_from(ASKED))
def test_a_set_of_prefixes_covers_what_one_of_them_covers(
    members: frozenset[str], asked: str
) -> None:
    prefixes = PrefixSet(map(parse_prefix, members))
    table = table_of([Vrp(prefix, int(prefix.split("/")[1]), 1) for prefix in members])
    assert prefixes.covers(asked) == bool(validate(table, asked, 1).covering)
    assert frozenset(prefixes) == members
