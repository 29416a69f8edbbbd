"""What routes are judged by that a person writes into files: read at the start and on request."""

from pathlib import Path

from msgspec import Struct

from bgptui.config.schema import Watch
from bgptui.routemon.relationships import Relationships, load_relationships
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.watchlist_file import load_watchlist


class WatchRules(Struct, frozen=True):
    """The watchlist, and who buys from whom where a file says so."""

    watchlist: Watchlist
    relationships: Relationships | None = None


def read_watch_rules(watch: Watch) -> WatchRules:
    """The rules in the files that the settings name; none where they name none.

    Raises:
        UsageError: everything that is wrong with the first file that cannot be used.
    """
    return WatchRules(
        load_watchlist(Path(watch.file)) if watch.file else Watchlist(()),
        load_relationships(Path(watch.relationships)) if watch.relationships else None,
    )
