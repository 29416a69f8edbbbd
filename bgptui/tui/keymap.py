"""Every key of the console, once: bindings, key line and help are made from this registry."""

from collections.abc import Sequence
from enum import Enum, auto
from itertools import zip_longest

from msgspec import Struct
from textual.binding import Binding, BindingType

from bgptui.tui.filters import FIELDS
from bgptui.tui.lines import Line, Piece, Span, Tone, line, pack, width_of, wrap


class Place(Enum):
    """Where a key works."""

    MAIN = auto()
    DETAIL = auto()
    HELP = auto()
    COLLECTOR = auto()


class Group(Enum):
    """Headings of the help screen, in their order."""

    ACT = "Act on the alert under the cursor"
    MOVE = "Move"
    LOOK = "Look"
    CONSOLE = "Console"


_LISTS = frozenset(Place)
_ALERT = frozenset({Place.MAIN, Place.DETAIL})
_COLLECTOR = _ALERT | {Place.COLLECTOR}
_MAIN = frozenset({Place.MAIN})


class Command(Struct, frozen=True):
    """One thing a key does.

    Attributes:
        keys: names as Textual has them. Never ctrl+a, b, s, q, z: screen and tmux prefixes,
            flow control and job control do not reach a console over SSH.
        shown: the keys as a person types them.
        label: for the key line at the bottom; empty where only help names it.
    """

    action: str
    keys: tuple[str, ...]
    shown: str
    label: str
    help: str
    group: Group
    places: frozenset[Place]


COMMANDS = (
    Command("acknowledge", ("a",), "a", "ack", "acknowledge: you have it", Group.ACT, _ALERT),
    Command(
        "false_positive",
        ("x",),
        "x",
        "false",
        "false positive: no incident",
        Group.ACT,
        _ALERT,
    ),
    Command("resolve", ("r",), "r", "resolve", "resolve: it is over", Group.ACT, _ALERT),
    Command("undo", ("u",), "u", "undo", "undo your acts, last first", Group.ACT, _ALERT),
    Command(
        "open_detail",
        ("enter",),
        "Enter",
        "more",
        "detail: why, paths, timeline",
        Group.LOOK,
        _MAIN,
    ),
    Command("find", ("slash",), "/", "find", "find text in the list", Group.LOOK, _MAIN),
    Command("find_next", ("n",), "n", "", "next match", Group.LOOK, _MAIN),
    Command("find_previous", ("N",), "N", "", "previous match", Group.LOOK, _MAIN),
    Command(
        "filter",
        ("f",),
        "f",
        "filter",
        "filter the list, see below",
        Group.LOOK,
        _MAIN,
    ),
    Command("sort", ("s",), "s", "", "sort by the next column", Group.LOOK, _MAIN),
    Command("sort_reverse", ("S",), "S", "", "reverse the order", Group.LOOK, _MAIN),
    Command("open_collector", ("P",), "P", "", "the pipeline: stages, peers", Group.LOOK, _ALERT),
    Command("copy", ("y",), "y", "", "copy the prefix (OSC 52)", Group.LOOK, _ALERT),
    Command("down", ("j", "down"), "j ↓", "", "one down", Group.MOVE, _LISTS),
    Command("up", ("k", "up"), "k ↑", "", "one up", Group.MOVE, _LISTS),
    Command("top", ("g", "home"), "g", "", "to the top", Group.MOVE, _LISTS),
    Command("bottom", ("G", "end"), "G", "", "to the end", Group.MOVE, _LISTS),
    Command(
        "half_down", ("ctrl+d", "pagedown"), "Ctrl+D", "", "half a screen down", Group.MOVE, _LISTS
    ),
    Command("half_up", ("ctrl+u", "pageup"), "Ctrl+U", "", "half a screen up", Group.MOVE, _LISTS),
    Command("pause", ("p",), "p", "pause", "freeze view, not collection", Group.CONSOLE, _ALERT),
    Command("bell", ("b",), "b", "", "bell on and off", Group.CONSOLE, _MAIN),
    Command(
        "reload_watchlist", ("R",), "R", "", "read the watchlist again", Group.CONSOLE, _COLLECTOR
    ),
    Command("help", ("question_mark",), "?", "help", "these keys", Group.CONSOLE, _ALERT),
    Command("back", ("escape",), "Esc", "back", "back one layer", Group.CONSOLE, _LISTS),
    Command("quit", ("q", "ctrl+c"), "q", "quit", "quit", Group.CONSOLE, _LISTS),
)

# The layer a key line is for hides what would be noise there.
_HIDDEN = {
    Place.MAIN: {"back"},
    Place.DETAIL: set[str](),
    Place.HELP: {"quit"},
    Place.COLLECTOR: set[str](),
}
# What goes first when the line is too narrow.
_LEAST = ("filter", "undo", "pause", "open_detail", "find", "resolve", "false_positive")


def bindings(place: Place) -> list[BindingType]:
    """What Textual binds on the screen of `place`.

    With priority a key is acted on before the next one is looked at. Without, it waits in the
    queue of the widget in focus, and of `qy` or `/arx` typed at once the rest would come first.
    """
    return [
        Binding(",".join(command.keys), command.action, command.help, show=False, priority=True)
        for command in COMMANDS
        if place in command.places
    ]


def key_line(place: Place, width: int) -> Line:
    """The line at the bottom: key and label of what works here, as many as fit."""
    pieces = [
        Piece(
            len(_LEAST) - _LEAST.index(command.action) if command.action in _LEAST else 0,
            line(Span(command.shown, Tone.STRONG), f" {command.label}"),
        )
        for command in COMMANDS
        if command.label and place in command.places and command.action not in _HIDDEN[place]
    ]
    return pack(pieces, width)


_FILTER_HELP = (
    "sev>=high state:active !origin:AS64500 prefix:192.0.2 conf>=.8 n>=3 any words. "
    f"Fields: {', '.join(FIELDS)}. An empty filter shows all."
)


def help_lines(operator: str, width: int, *, lacks: Sequence[str] = ()) -> list[Line]:
    """Every key by group, in two columns where they fit, then how to read the screen.

    Args:
        lacks: what the collector does not look for, or not as its files say now.
    """
    left = [*_group(Group.ACT), (), *_group(Group.MOVE)]
    right = [*_group(Group.LOOK), (), *_group(Group.CONSOLE)]
    lines = _beside(left, right, width // 2) if width >= 80 else [*left, (), *right]
    return [
        *lines,
        (),
        line(Span("Reading", Tone.HEADING)),
        line(
            Span("C!!", Tone.CRITICAL),
            " critical  ",
            Span("H!", Tone.HIGH),
            " high  ",
            Span("M-", Tone.MEDIUM),
            " medium  ",
            Span("L.", Tone.LOW),
            " low;  CONF confidence, N peer ASes",
        ),
        line("C H M L in the bar: open alerts by severity;  ack: those that somebody has"),
        line("z+3.1! deviations from the baseline, ! beyond 2, >8 as far as kept; a blank: gap"),
        line("BLIND nothing heard for 5 s;  GAP the feed is down: no news is no good news"),
        line("RPKI v valid, i invalid, nf not found, na no verdict: announced prefixes so far"),
        line("disk: free where the rows go, and when it is full at the present rate of growth"),
        *(line(Span(part, Tone.WARN)) for text in lacks for part in wrap(text, width)),
        line(Span("Filter", Tone.HEADING)),
        *(line(text) for text in wrap(_FILTER_HELP, width)),
        (),
        line(f"You act as {operator}; every act is recorded with name and time."),
    ]


def _group(group: Group) -> list[Line]:
    return [
        line(Span(group.value, Tone.HEADING)),
        *(
            line(Span(f"  {command.shown:<8}", Tone.STRONG), command.help)
            for command in COMMANDS
            if command.group is group
        ),
    ]


def _beside(left: list[Line], right: list[Line], width: int) -> list[Line]:
    return [
        (*first, Span(" " * (width - width_of(first))), *second)
        for first, second in zip_longest(left, right, fillvalue=())
    ]
