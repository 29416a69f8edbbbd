"""What came of a request to read the watchlist again, of one or several processes."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bgptui.domain.health import process_name
from bgptui.domain.words import plural


class Reloaded(Struct, frozen=True):
    """One process's answer.

    Attributes:
        is_done: the new watchlist is in force; else the old one is.
        said: what changed in it, or what is wrong with the file.
        ended: routes of peers that fire no more.
        otherwise: those that fire anew, or in another way.
    """

    is_done: bool
    said: str
    ended: int = 0
    otherwise: int = 0

    @property
    def text(self) -> str:
        """All of it in one line."""
        told = [self.said]
        if self.ended:
            told.append(f"{plural(self.ended, 'route fires', 'routes fire')} no more")
        if self.otherwise:
            told.append(f"{plural(self.otherwise, 'route fires', 'routes fire')} anew")
        return "; ".join(told)


class Outcome(Struct, frozen=True):
    """What all processes together answered.

    Attributes:
        is_done: the new watchlist is in force everywhere.
        refused: a process said that it is not.
        lines: one, or with several processes one for each that differs.
    """

    is_done: bool
    refused: bool
    lines: tuple[str, ...]


def outcome(asked: Sequence[str], answers: Mapping[str, Reloaded]) -> Outcome:
    """What there is to say.

    Args:
        asked: the processes that were there.
        answers: of those that answered.
    """
    told: dict[str, list[str]] = {}
    for holder in asked:
        told.setdefault(_line(answers.get(holder)), []).append(process_name(holder))
    lines = tuple(told)
    if len(asked) > 1:
        lines = tuple(f"{', '.join(names)}: {line}" for line, names in told.items())
    given = [answers[holder] for holder in asked if holder in answers]
    return Outcome(
        is_done=len(given) == len(asked) and all(answer.is_done for answer in given),
        refused=any(not answer.is_done for answer in given),
        lines=lines,
    )


def _line(answer: Reloaded | None) -> str:
    if answer is None:
        return "no answer; it is not known which watchlist is in force"
    if answer.is_done:
        return f"watchlist reloaded: {answer.text}"
    return f"NOT reloaded, the old watchlist stays: {answer.said}"
