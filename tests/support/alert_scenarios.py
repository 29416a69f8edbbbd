"""One incident of each alert class, and what must stay quiet, on prefixes of their own.

AS3300 is the watched network, 3301 and 3302 its upstreams; AS666 is up to no good, and AS5001
holds prefixes that nobody watches. Everything stands from minute -15 on, happens at 0 and is over
after END_S.
"""

import json
from pathlib import Path

from msgspec import Struct

from support.program import Program
from support.small_world import T0, SmallWorld

OWN, NEAR, FAR, THIEF, HOLDER = 3300, 3301, 3302, 666, 5001
BEFORE_S, END_S, LENGTH_S = -900.0, 200.0, 600.0
FIVE, TWO = (101, 102, 103, 104, 105), (101, 102)
LIAR, RESET = 106, 107
CUSTOMERS = (108, 109, 110)

# What stands before and after: prefix, path behind the peer's own AS.
STANDING = {
    "45.80.1.0/24": (NEAR, OWN),
    "45.80.2.0/24": (NEAR, OWN),
    "45.80.4.0/24": (NEAR, OWN),
    "45.80.5.0/24": (NEAR, 3310),
    "45.80.6.0/24": (NEAR, OWN),
    "45.80.7.0/24": (NEAR, OWN),
    "45.80.16.0/24": (NEAR, OWN),
    "45.80.9.0/24": (NEAR, OWN),
    "45.80.12.0/24": (NEAR, OWN),
    "45.80.13.0/24": (7001, OWN),
    "45.80.14.0/24": (NEAR, OWN),
    "45.80.15.0/24": (NEAR, OWN),
    "45.80.22.0/24": (NEAR, OWN),
    "45.80.23.0/24": (NEAR, OWN),
    "45.80.24.0/24": (NEAR, OWN),
    "45.80.25.0/24": (NEAR, OWN),
    "45.80.26.0/24": (NEAR, OWN),
    "45.80.27.0/24": (NEAR, OWN),
    "62.2.0.0/24": (NEAR, HOLDER),
    "62.2.1.0/24": (NEAR, HOLDER),
    "62.2.2.0/24": (NEAR, HOLDER),
    "62.2.4.0/24": (NEAR, HOLDER),
}
SPLIT = ("45.80.10.0/24", "45.80.11.0/24")  # half of the peers over each upstream

WATCHLIST = """
[[prefix]]
prefix = "45.80.1.0/24"
origins = [3300]
group = "noc"
description = "web"
[[prefix]]
prefix = "45.80.2.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.3.0/24"
origins = []
[[prefix]]
prefix = "45.80.4.0/24"
origins = [3300]
upstreams = [3301, 3302]
[[prefix]]
prefix = "45.80.5.0/24"
origins = [3310]
upstreams = [3301]
[[prefix]]
prefix = "45.80.6.0/24"
origins = [3300]
upstreams = [3301, 3302]
max_length = 25
[[prefix]]
prefix = "45.80.7.0/24"
origins = [3300]
[[prefix.path]]
match = ',667,'
description = "never through AS667"
[[prefix]]
prefix = "45.80.16.0/24"
origins = [3300]
max_length = 25
[[prefix.path]]
not_match = '^[0-9]+,3301,3300$'
[[prefix]]
prefix = "45.80.9.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.10.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.11.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.12.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.13.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.14.0/24"
origins = [3300]
max_length = 25
[[prefix]]
prefix = "45.80.15.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.22.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.23.0/24"
origins = [3300]
mute_until = 2027-01-01T00:00:00Z
[[prefix]]
prefix = "45.80.24.0/24"
origins = [3300, 3320, 3321]
[[prefix]]
prefix = "45.80.25.0/24"
origins = [3300]
max_length = 25
[[prefix]]
prefix = "45.80.26.0/24"
origins = [3300]
[[prefix]]
prefix = "45.80.27.0/24"
origins = [3300]

[[asn]]
asn = 3300
[[peer]]
asn = 108
role = "customer"
[[peer]]
asn = 109
role = "customer"
[[peer]]
asn = 110
role = "customer"
[[siblings]]
asns = [3300, 3330]
[[siblings]]
asns = [5001, 5002]
"""
# Prefix, longest length, origin.
ROAS = [
    *((prefix, 24, path[-1]) for prefix, path in STANDING.items() if prefix != "45.80.9.0/24"),
    *(("45.80.9.0/24", 25, OWN), ("45.80.6.0/24", 25, OWN), ("45.80.25.0/24", 25, OWN)),
    *(("45.80.24.0/24", 24, 3320), ("45.80.26.0/24", 24, 777), ("45.80.16.0/24", 25, OWN)),
    *((prefix, 24, OWN) for prefix in SPLIT),
    ("62.2.6.0/23", 23, HOLDER),
]
ASPAS = {
    3310: [NEAR],
    3305: [0],
    8000: [8001],
    8001: [0],
    8003: [0],
    9002: [9001, 9003],
}
RELATIONSHIPS = "# made up\n7001|3300|-1\n7001|7002|-1\n7003|7002|-1\n"


def incidents() -> SmallWorld:
    """Everything in one recording."""
    world = SmallWorld()
    world.keep_alive(since=BEFORE_S, until=LENGTH_S)
    for prefix, path in STANDING.items():
        world.announce(prefix, *path, at=BEFORE_S)
    for prefix in SPLIT:
        world.announce(prefix, NEAR, OWN, at=BEFORE_S, peers=FIVE)
        world.announce(prefix, FAR, OWN, at=BEFORE_S, peers=(106, 107, 108, 109, 110))
    _watched(world)
    _paths(world)
    _leaks(world)
    _elsewhere(world)
    _quiet(world)
    return world


def _for_a_while(world: SmallWorld, prefix: str, *path: int) -> None:
    """Five peers have a route that replaces what stands, or is withdrawn at the end."""
    world.announce(prefix, *path, at=0.0, peers=FIVE)
    if prefix in STANDING:
        world.announce(prefix, *STANDING[prefix], at=END_S, peers=FIVE)
    else:
        world.withdraw(prefix, at=END_S, peers=FIVE)


def _watched(world: SmallWorld) -> None:
    _for_a_while(world, "45.80.1.0/24", NEAR, THIEF)
    _for_a_while(world, "45.80.2.128/25", NEAR, THIEF)
    _for_a_while(world, "45.80.3.0/24", NEAR, THIEF)
    _for_a_while(world, "45.80.8.0/24", NEAR, OWN)
    _for_a_while(world, "45.80.9.0/25", NEAR, OWN)
    _for_a_while(world, "45.80.14.0/25", NEAR, OWN)
    for prefix, losers in zip(SPLIT, (FIVE[:4], (*FIVE, 106, 108, 109)), strict=True):
        world.withdraw(prefix, at=0.0, peers=losers)
        world.announce(prefix, NEAR, OWN, at=END_S, peers=losers)


def _paths(world: SmallWorld) -> None:
    _for_a_while(world, "45.80.4.0/24", 3305, 667, OWN)
    _for_a_while(world, "45.80.5.0/24", 3305, THIEF, 3310)
    _for_a_while(world, "45.80.6.0/25", 3305, 667, OWN)
    _for_a_while(world, "45.80.7.0/24", 667, NEAR, OWN)
    _for_a_while(world, "45.80.16.128/25", 667, NEAR, OWN)


def _leaks(world: SmallWorld) -> None:
    _for_a_while(world, "62.3.0.0/24", 8003, 8002, 8001, 8000)
    for prefix in ("62.3.1.0/24", "62.3.2.0/24"):
        world.announce(prefix, 9005, at=0.0, peers=CUSTOMERS, otc=9004)
        world.withdraw(prefix, at=END_S, peers=CUSTOMERS)
    world.announce("62.3.3.0/24", 9003, 9002, 9001, 9000, at=0.0, peers=FIVE, otc=9001)
    world.withdraw("62.3.3.0/24", at=END_S, peers=FIVE)
    no_export = [(65_535, 65_281)]
    world.announce("45.80.12.0/24", NEAR, OWN, at=0.0, peers=FIVE, community=no_export)
    world.announce("45.80.12.0/24", NEAR, OWN, at=END_S, peers=FIVE)
    _for_a_while(world, "45.80.13.0/24", 7003, 7002, 7001, OWN)


def _elsewhere(world: SmallWorld) -> None:
    _for_a_while(world, "62.2.0.0/24", NEAR, THIEF)
    _for_a_while(world, "62.2.1.0/24", NEAR, 5002)
    _for_a_while(world, "62.2.2.0/24", NEAR, HOLDER, 5003)
    world.announce("62.2.4.0/24", NEAR, 5999, at=BEFORE_S + 10.0, peers=FIVE)
    _for_a_while(world, "62.2.6.0/24", NEAR, HOLDER)
    _for_a_while(world, "192.168.7.0/24", NEAR, 4000)
    _for_a_while(world, "62.4.0.0/24", NEAR, 64512)


def _quiet(world: SmallWorld) -> None:
    for prefix, path in STANDING.items():
        # The table of a session that was reset, and invalids that have been there all the time.
        world.announce(prefix, *path, at=81.0, peers=(RESET,))
    for prefix in SPLIT:
        world.announce(prefix, FAR, OWN, at=82.0, peers=(RESET,))
    world.session(RESET, "down", at=50.0)
    world.session(RESET, "up", at=80.0)
    world.announce("62.2.4.0/24", NEAR, 5999, at=0.0, peers=FIVE)
    world.announce("45.80.15.0/24", NEAR, THIEF, at=0.0, peers=TWO)
    for number in range(6):
        world.announce(f"45.80.22.{number * 8}/29", THIEF, at=10.0 * number, peers=(LIAR,))
    _for_a_while(world, "45.80.23.0/24", NEAR, THIEF)
    _for_a_while(world, "45.80.24.0/24", NEAR, 3320)
    _for_a_while(world, "45.80.25.0/25", NEAR, OWN)
    _for_a_while(world, "45.80.26.0/24", NEAR, 777)
    _for_a_while(world, "45.80.27.0/24", NEAR, 3330)


class Files(Struct, frozen=True):
    """The recording and what is needed to replay it."""

    recording: Path
    vrps: Path
    watchlist: Path

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--vrps", str(self.vrps), "--watch", str(self.watchlist))


def write(world: SmallWorld, program: Program) -> Files:
    """Write a world's files into the program's home, and let it look at everything there is."""
    files = Files(
        program.home / "incidents.jsonl", program.home / "vrps.json", program.home / "watch.toml"
    )
    world.write(files.recording)
    files.vrps.write_text(json.dumps(_vrps()))
    files.watchlist.write_text(WATCHLIST)
    relationships = program.home / "relationships.txt"
    relationships.write_text(RELATIONSHIPS)
    program.environment |= {
        "BGPTUI_WATCH_WHOLE_TABLE": "true",
        "BGPTUI_WATCH_BOGONS": "true",
        "BGPTUI_WATCH_RELATIONSHIPS": str(relationships),
        "BGPTUI_FEED_INCLUDE_RAW": "true",
    }
    return files


def _vrps() -> dict[str, object]:
    return {
        "metadata": {"buildtime": "2026-01-07T11:30:00Z"},
        "roas": [
            {"prefix": prefix, "maxLength": length, "asn": asn, "ta": "ripe", "expires": int(T0)}
            for prefix, length, asn in dict.fromkeys(ROAS)
        ],
        "aspas": [
            {"customer_asid": asn, "providers": providers, "expires": int(T0)}
            for asn, providers in ASPAS.items()
        ],
    }
