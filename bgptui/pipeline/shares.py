"""Who takes which RIS hosts: pure, and the same answer in every process that looks."""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct


class Decision(Struct, frozen=True):
    """What a process does about its share now.

    Attributes:
        take: hosts that nobody has; another process may be quicker.
        give: hosts to give up in good order.
    """

    take: tuple[str, ...] = ()
    give: tuple[str, ...] = ()


def decide(
    hosts: Sequence[str],
    holders: Mapping[str, str],
    processes: Sequence[str],
    *,
    me: str,
    giving: Collection[str] = (),
) -> Decision:
    """Divide the hosts fairly: shares differ by one at most, and no host moves without need.

    Where they do not divide, the larger shares stay with those that have most already. So a
    division that is fair stays as it is, whoever looks and however often.

    Args:
        hosts: of the whole deployment, in the order of the setting.
        holders: process by host; a host that nobody has is missing.
        processes: those that live, in the order they came; `me` is one of them.
        giving: hosts of mine that I am giving up already.
    """
    counts = dict.fromkeys(processes, 0)
    for host in hosts:
        if (holder := holders.get(host)) in counts:
            counts[holder] += 1
    by_count = sorted(processes, key=lambda process: -counts[process])  # stable: who came first
    each, left_over = divmod(len(hosts), len(processes))
    quota = each + (by_count.index(me) < left_over)
    mine = [host for host in hosts if holders.get(host) == me]
    surplus = len(mine) - quota
    if surplus > 0:
        still_mine = [host for host in mine if host not in giving]
        return Decision(give=tuple(still_mine[max(0, quota) :]))
    free = [host for host in hosts if host not in holders]
    return Decision(take=tuple(free[:-surplus])) if surplus else Decision()
