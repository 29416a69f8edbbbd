"""What in a watchlist is worth a second look, as values."""

from msgspec import Struct

from bgptui.routemon.watchlist import AsRule, Rule


class Concern(Struct, frozen=True):
    """One warning about one rule.

    Attributes:
        place: the rule as TomlFile names lines, e.g. `prefix[0]`.
        subject: its prefix, AS or name.
        warning: which kind, for scripts.
        said: what does not fit.
        remedy: what would make it fit.
    """

    place: str
    subject: str
    warning: str
    said: str
    remedy: str


def of_rule(rule: Rule | AsRule, warning: str, said: str, remedy: str) -> Concern:
    """A concern about a rule."""
    if isinstance(rule, Rule):
        return Concern(f"prefix[{rule.number - 1}]", rule.prefix, warning, said, remedy)
    return Concern(f"asn[{rule.number - 1}]", f"AS{rule.asn}", warning, said, remedy)
