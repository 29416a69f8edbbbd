"""What tells one watchlist from another, rule by rule."""

from collections.abc import Iterable

from msgspec import Struct

from bgptui.routemon.watchlist import AsRule, Rule, Watchlist

NAMED_MOST = 5


class WatchlistChange(Struct, frozen=True):
    """Rules by what they are about: a prefix, or an AS as `AS64500`.

    Attributes:
        others: tables that are not rules and changed: `peer`, `siblings`.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`2 rules added (203.0.113.0/24, AS64500), 1 removed (192.0.2.0/24)`."""
        counted = ((self.added, "added"), (self.removed, "removed"), (self.changed, "changed"))
        told = [_counted(names, what) for names, what in counted if names]
        if told:
            number, rest = told[0].split(" ", 1)
            told[0] = f"{number} {'rule' if number == '1' else 'rules'} {rest}"
        told += [f"[[{name}]] changed" for name in self.others]
        return ", ".join(told) or "no rule changed"


def watchlist_change(before: Watchlist, after: Watchlist) -> WatchlistChange:
    """Compare what two watchlists expect; the order of their rules does not matter."""
    old, new = _by_subject(before), _by_subject(after)
    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []
    for subject in dict.fromkeys((*old, *new)):
        gone, come = _apart(old.get(subject, []), new.get(subject, []))
        both = min(gone, come)
        changed += [subject] * both
        added += [subject] * (come - both)
        removed += [subject] * (gone - both)
    others = []
    if dict(before.roles) != dict(after.roles):
        others.append("peer")
    if set(before.families) != set(after.families):
        others.append("siblings")
    return WatchlistChange(tuple(added), tuple(removed), tuple(changed), tuple(others))


def _by_subject(watchlist: Watchlist) -> dict[str, list[Rule | AsRule]]:
    rules: dict[str, list[Rule | AsRule]] = {}
    for rule in watchlist.rules:
        rules.setdefault(rule.prefix, []).append(rule)
    for as_rule in watchlist.as_rules.values():
        rules.setdefault(f"AS{as_rule.asn}", []).append(as_rule)
    return rules


def _apart(old: Iterable[Rule | AsRule], new: Iterable[Rule | AsRule]) -> tuple[int, int]:
    """How many of the old rules about one thing are not among the new ones, and the reverse."""
    come = list(new)
    gone = 0
    for rule in old:
        same = next((each for each in come if _expect_the_same(rule, each)), None)
        if same is None:
            gone += 1
        else:
            come.remove(same)
    return gone, len(come)


def _expect_the_same(one: Rule | AsRule, other: Rule | AsRule) -> bool:
    if isinstance(one, Rule):
        return isinstance(other, Rule) and one.expects_the_same_as(other)
    return isinstance(other, AsRule) and one.expects_the_same_as(other)


def _counted(names: tuple[str, ...], what: str) -> str:
    shown = ", ".join(names[:NAMED_MOST])
    more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
    return f"{len(names)} {what} ({shown}{more})"
