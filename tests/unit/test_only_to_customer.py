import json
from pathlib import Path
from typing import Any

from bgptui.domain.aspa import Hop, Role
from bgptui.rpki.only_to_customer import egress, ingress, leaked_hop, read_otc

OPPOSITE = {Role.PROVIDER: Role.CUSTOMER, Role.CUSTOMER: Role.PROVIDER, Role.PEER: Role.PEER}


def test_every_rule_of_the_rfc_is_followed(shared: Path) -> None:
    vectors = json.loads((shared / "conformance" / "otc.json").read_text())
    cases = vectors["rfc9234_table"]["cases"]
    for case in cases:
        if case["stage"] == "ingress":
            role = Role(case["neighbor_role"])
            came = ingress(role, case["remote_as"], case["otc"])
            assert (came.leak, came.otc) == (case["expected_leak"], case["expected_otc_after"])
        elif case["stage"] == "egress":
            goes = egress(Role(case["to_role"]), case["local_as"], case["otc"])
            assert goes.send == case["expected_send"], case
            assert goes.otc == case.get("expected_otc_after"), case
        else:
            assert read_otc(bytes(case["length"])) is None
    assert len(cases) == 26
    assert read_otc(bytes([0, 0, 251, 240])) == 64496


def test_a_hub_with_seven_spokes_hands_on_what_frrouting_hands_on(shared: Path) -> None:
    vectors = json.loads((shared / "conformance" / "otc.json").read_text())
    topology = vectors["frr_topology"]
    hub, spokes = topology["hub"]["as"], topology["spokes"]

    def roles(spoke: dict[str, Any]) -> tuple[Role | None, Role | None]:
        """What the hub is to the spoke, and the spoke to the hub, where a side has a role."""
        of_spoke, of_hub = spoke["spoke_local_role"], spoke["hub_local_role"]
        return (
            OPPOSITE[Role(of_spoke)] if of_spoke else None,
            OPPOSITE[Role(of_hub)] if of_hub else None,
        )

    at_hub: dict[str, int | None] = {}
    for spoke in spokes:
        hub_is, spoke_is = roles(spoke)
        otc = egress(hub_is, spoke["as"], None).otc if hub_is else None
        at_hub[spoke["prefix"]] = ingress(spoke_is, spoke["as"], otc).otc if spoke_is else otc
    expected = topology["expected"]
    assert sorted(at_hub) == sorted(expected["r10_routes"])
    with_otc = [prefix for prefix, otc in at_hub.items() if otc is not None]
    assert with_otc == expected["r10_routes_with_otc"]
    for spoke in spokes:
        wanted = expected.get(f"{spoke['r']}_routes")
        if wanted is None:
            continue
        hub_is, spoke_is = roles(spoke)
        got = [spoke["prefix"]]
        for prefix, otc in at_hub.items():
            sent = otc
            if prefix == spoke["prefix"]:
                continue
            if spoke_is:
                goes = egress(spoke_is, hub, otc)
                if not goes.send:
                    continue
                sent = goes.otc
            if hub_is is None or not ingress(hub_is, hub, sent).leak:
                got.append(prefix)
        assert sorted(got) == wanted


ASPAS = {20: (10,), 30: (20, 21)}


def test_a_hop_up_after_the_attribute_was_set_is_a_leak_that_needs_no_roles() -> None:
    assert leaked_hop(ASPAS, (20, 30, 5, 6), 5) == Hop(30, 20)
    assert leaked_hop(ASPAS, (20, 20, 30, 30, 5), 5) == Hop(30, 20)


def test_an_up_hop_before_it_or_an_as_that_is_not_in_the_path_proves_nothing() -> None:
    assert leaked_hop(ASPAS, (5, 20, 30), 5) is None
    assert leaked_hop(ASPAS, (20, 30, 6), 5) is None
    assert leaked_hop(ASPAS, (99, 30, 5), 5) is None
