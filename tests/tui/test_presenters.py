"""What the console says of what it knows, line by line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bgptui.domain.alert import AlertType, Severity, Status
from bgptui.domain.health import (
    CollectorFreshness,
    FeedHealth,
    ProcessHealth,
    QuietPeer,
    RpkiHealth,
    StageHealth,
    StageState,
)
from bgptui.store.readers import AlertDetail, AlertRow, CollectorRow, NetworkWindow
from bgptui.tui.keymap import COMMANDS, Place, bindings, help_lines, key_line
from bgptui.tui.layout import Layout, layout_for
from bgptui.tui.lines import plain, width_of
from bgptui.tui.present.bar import BarView, Trust, bar_line, liveness
from bgptui.tui.present.columns import Grid, fit_prefix
from bgptui.tui.present.detail import detail_lines
from bgptui.tui.present.figures import age, clock_or_day, count, figure, fraction, percent, size
from bgptui.tui.present.pipeline import health_line, not_looked_for, pipeline_panel
from bgptui.tui.present.sparks import SHORT, Scale, by_minute, spark_cell, spark_lines, sparkline
from bgptui.tui.present.status import empty_hint, standing_line
from bgptui.tui.snapshot import Snapshot, Trouble
from bgptui.tui.view import View

NOW = 1_767_794_551.0  # of the samples


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (0, "0s"), (99.9, "99s"), (192, "3m"), (7_500, "2h05m"), (5 * 86_400, "5d")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.0k"),
        (9_840, "9.8k"),
        (9_960, "10k"),
        (999_999, "1.0M"),
        (1_234_567, "1.2M"),
        (2e9, "2.0G"),
    ],
)
def test_counts_have_four_characters_at_most(number: float, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (412, "412"), (4.6, "4.6"), (0.08, "0.08"), (12_345, "12k"), (0.5, "0.5")],
)
def test_a_features_value_keeps_the_digits_that_matter(number: float, text: str) -> None:
    assert figure(number) == text


def test_shares_never_round_a_part_away_or_up_to_the_whole() -> None:
    assert [percent(1, 100_000), percent(0, 5), percent(99_999, 100_000), percent(5, 5)] == [
        "<.1",
        "0",
        "99",
        "100",
    ]
    assert percent(0, 0) == "0"


def test_confidence_has_two_digits() -> None:
    assert [fraction(0.9496), fraction(1.0), fraction(0.0)] == [".95", "1.0", ".00"]


def test_sizes_are_binary() -> None:
    assert [size(74 * 2**30), size(0), size(1.5 * 2**40)] == ["74G", "0.0M", "1.5T"]


def test_an_alert_of_another_day_shows_its_day(samples: Any) -> None:
    assert clock_or_day(samples.now, samples.now) == "14:02:31"
    assert clock_or_day(samples.now - 3 * 86_400, samples.now) == "04 Jan26"
    assert clock_or_day(samples.now, None) == "14:02:31"


# Sparklines


def test_a_sparkline_leaves_a_gap_blank_and_tells_zero_from_nothing() -> None:
    assert sparkline([0, None, 4, 8]) == "▁ ▅█"
    assert sparkline([None, None]) == "  "
    assert sparkline([]) == ""


def test_a_level_that_hardly_changes_looks_like_one() -> None:
    assert sparkline([4.6, 4.7, 4.6], scale=Scale.LEVEL) == "███"
    assert sparkline([10, 5, 10], scale=Scale.LEVEL) == "█▁█"


def test_a_sparkline_of_zeros_is_flat() -> None:
    assert sparkline([0, 0]) == "▁▁"


def test_missing_minutes_and_gaps_are_holes_in_the_right_place() -> None:
    windows = [
        NetworkWindow(start=60, values=(1.0,) * 9),
        NetworkWindow(start=180, values=(3.0,) * 9),
        NetworkWindow(start=240, values=(4.0,) * 9, gap=True),
    ]
    minutes = by_minute(windows, 5, now=300.0)
    assert [None if w is None else w.start for w in minutes] == [None, 60, None, 180, None]


def test_minutes_that_should_have_come_by_now_are_holes_at_the_end() -> None:
    windows = [NetworkWindow(start=60, values=(1.0,) * 9)]
    assert [w is not None for w in by_minute(windows, 4, now=60 + 4 * 60 + 5.0)] == [
        False,
        True,
        False,
        False,
    ]


def test_sparklines_fill_two_columns_of_eighty_cells(samples: Any) -> None:
    lines = spark_lines(samples.windows(), SHORT, columns=2, width=80, now=samples.now)
    assert len(lines) == 2
    assert all(width_of(row) <= 80 for row in lines)
    assert "withdraw" in plain(lines[0])
    assert "z+5.2!" in plain(lines[0])
    assert "z+0.4 " in plain(lines[0])


@pytest.mark.parametrize(("z", "text"), [(7.94, "z+7.9! "), (8.0, "z>8!   "), (-8.0, "z<-8!  ")])
def test_deviations_as_far_as_they_are_kept_are_shown_as_at_least_that(z: float, text: str) -> None:
    minute = NetworkWindow(start=60, values=(1.0,) * 9, zscores=(z,) * 9)
    assert plain(spark_cell("flap_count", [minute], 40)).endswith(text)


def test_sparklines_without_any_window_say_nothing(samples: Any) -> None:
    lines = spark_lines((), SHORT, columns=2, width=80, now=None)
    assert "announce" in plain(lines[0])
    assert "▁" not in plain(lines[0])


# The bar


def _collector(samples: Any, *, age_s: float = 0.4, **health: Any) -> CollectorRow:
    return CollectorRow("noc1", age_s, samples.health(**health))


@pytest.mark.parametrize(
    ("feed", "word", "trust"),
    [
        (FeedHealth("live", "", "live"), "LIVE", Trust.FLOWING),
        (FeedHealth("replay", "", "live"), "REPLAY", Trust.FLOWING),
        (FeedHealth("recording", "", "live"), "REPLAY", Trust.FLOWING),
        (FeedHealth("live", "", "connecting", attempts=2), "CONNECTING", Trust.NO_FEED),
        (FeedHealth("live", "", "gap", gap_since=0.0), "GAP", Trust.NO_FEED),
        (FeedHealth("live", "", "live", gap_since=0.0), "GAP", Trust.NO_FEED),
        (FeedHealth("replay", "", "ended"), "ENDED", Trust.NO_FEED),
    ],
)
def test_the_bar_tells_how_the_feed_does(
    feed: FeedHealth, word: str, trust: Trust, samples: Any
) -> None:
    snapshot = samples.snapshot(collector=_collector(samples, feed=feed))
    live = liveness(snapshot, unread_s=0.2, refresh_s=1.0)
    assert (live.word, live.trust) == (word, trust)


@pytest.mark.parametrize(
    ("changes", "unread_s", "detail"),
    [
        ({"collector": None}, 0.0, "no collector"),
        ({}, 7.0, "no answer for 7s"),
        ({"taken": 100.0, "trouble": Trouble("away", 70.0)}, 2.0, "database away 32s"),
    ],
)
def test_what_is_not_known_any_more_is_called_blind_with_its_age(
    changes: dict[str, Any], unread_s: float, detail: str, samples: Any
) -> None:
    live = liveness(samples.snapshot(**changes), unread_s=unread_s, refresh_s=1.0)
    assert (live.word, live.detail, live.trust) == ("BLIND", detail, Trust.OLD)


@pytest.mark.parametrize(("age_s", "word"), [(4.9, "LIVE"), (5.1, "BLIND")])
def test_a_collector_unheard_of_for_five_seconds_is_blind(
    age_s: float, word: str, samples: Any
) -> None:
    snapshot = samples.snapshot(collector=_collector(samples, age_s=age_s))
    assert liveness(snapshot, unread_s=0.0, refresh_s=1.0).word == word


def test_a_replay_that_has_ended_is_not_blind(samples: Any) -> None:
    ended = FeedHealth("replay", "", "ended")
    snapshot = samples.snapshot(collector=_collector(samples, age_s=600.0, feed=ended))
    assert liveness(snapshot, unread_s=0.0, refresh_s=1.0).word == "ENDED"


def test_before_the_first_answer_the_console_connects() -> None:
    assert liveness(Snapshot(0, 0.0), unread_s=60.0, refresh_s=1.0).word == "CONNECTING"


def test_the_bar_keeps_state_and_counts_when_it_is_narrow(samples: Any) -> None:
    snapshot = samples.snapshot()
    view = BarView(snapshot=snapshot, latest=snapshot, unread_s=0.1, arrived=2)
    wide, narrow = plain(bar_line(view, 100)), plain(bar_line(view, 40))
    assert wide == (
        "bgptui rrc00+2  LIVE 14:02:31Z  9.8k upd/s  lag 1.2s  C1 H2 M1 L14  ack1  new+2  [bell]"
    )
    assert narrow == "LIVE 14:02:31Z  C1 H2 M1 L14  new+2"


def test_the_bar_counts_acknowledged_alerts_apart_and_keeps_a_mute_in_sight(samples: Any) -> None:
    row = samples.row(1, status=Status.ACKNOWLEDGED)
    snapshot = samples.snapshot(alerts=(row,), open_counts={})
    view = BarView(snapshot=snapshot, latest=snapshot, unread_s=0.1, bell=False)
    assert plain(bar_line(view, 80)).endswith("C0 H0 M0 L0  ack1  [mute]")
    more = replace(snapshot, alerts_left_out=True)
    assert "ack1+" in plain(bar_line(replace(view, snapshot=more), 80))


def test_a_paused_bar_shows_the_frozen_time_and_the_true_one(samples: Any) -> None:
    frozen = samples.snapshot()
    latest = samples.snapshot(collector=_collector(samples, now=samples.now + 65))
    text = plain(bar_line(BarView(snapshot=frozen, latest=latest, unread_s=0.1, paused=True), 100))
    assert "PAUSED 14:02:31Z  LIVE 14:03:36Z" in text


# Health


def test_the_health_line_names_what_is_not_well(samples: Any) -> None:
    text = plain(health_line(samples.health(), 80))
    assert text == "RPKI v402k i7.1k nf380k vrp 3m  score SLOW 2.1s  4 ok  drops 13  disk 13d left"


def test_the_health_line_of_a_pipeline_that_is_well_is_calm(samples: Any) -> None:
    stages = tuple(StageHealth(name, StageState.OK) for name in ("ingest", "score", "db"))
    text = plain(health_line(samples.health(stages=stages, dropped={}), 80))
    assert text == "RPKI v402k i7.1k nf380k vrp 3m  ingest score db ok  disk 13d left"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"state": "off"}, "RPKI off"),
        ({"state": "loading", "unavailable": 12}, "RPKI v0 i0 nf0 na12 vrp loading"),
        ({"state": "error", "error": "no such file"}, "RPKI v0 i0 nf0 vrp error"),
        ({"state": "fresh", "vrps": 5}, "RPKI v0 i0 nf0 vrp undated"),
        ({"state": "stale", "vrps": 5, "as_of": NOW - 8000}, "RPKI v0 i0 nf0 vrp 2h13m STALE"),
        ({"state": "fresh", "as_of": NOW + 9e6}, "RPKI v0 i0 nf0 vrp of 2026-04-21"),
    ],
)
def test_the_health_line_says_what_stands_behind_validation(
    changes: dict[str, Any], text: str, samples: Any
) -> None:
    rpki = RpkiHealth(**{"source": "vrps.json", **changes})
    shown = plain(health_line(samples.health(rpki=rpki, stages=(), dropped={}), 80))
    assert shown.startswith(f"{text}  ")


HEARD = (
    CollectorFreshness("rrc00", NOW - 2, peers=40, quiet_peers=2),
    CollectorFreshness("rrc01", NOW - 190, 12, gap_since=NOW - 190, gap_reason="silence"),
    CollectorFreshness("rrc03", NOW - 12, 11),
    CollectorFreshness("rrc15", NOW - 3, 11, gap_since=NOW - 700, gap_reason="low_rate"),
)


def test_the_bar_names_collectors_that_are_away(samples: Any) -> None:
    for freshness, shown in ((HEARD, "rrc01+1 away"), (HEARD[:2], "rrc01 away"), (HEARD[:1], "")):
        snapshot = samples.snapshot(collector=_collector(samples, freshness=freshness))
        bar = plain(bar_line(BarView(snapshot=snapshot, latest=snapshot, unread_s=0.1), 120))
        assert (shown or "upd/s") in bar
        assert ("away" in bar) is bool(shown)


def test_the_panel_tells_when_collectors_and_quiet_peers_were_heard(samples: Any) -> None:
    quiet = (
        QuietPeer("rrc00", "192.0.2.1", 64500, NOW - 1_500),
        QuietPeer("rrc00", "2001:db8::1", 64501, NOW - 700),
    )
    health = samples.health(freshness=HEARD, quiet_peers=quiet)
    panel = [plain(row) for row in pipeline_panel(health, width=79, rows=10)]
    assert panel[0].endswith("63 peers, rrc03 heard 12s ago")
    assert panel[1].split() == ["away", "rrc01", "silence", "3m", "rrc15", "low_rate", "11m"]
    assert panel[2].split()[:6] == ["quiet", "2", "peers", "192.0.2.1", "rrc00", "25m"]
    assert all(width_of(row) <= 79 for row in pipeline_panel(health, width=79, rows=10))


def test_losses_are_shown_by_reason(samples: Any) -> None:
    panel = "\n".join(plain(row) for row in pipeline_panel(samples.health(), width=80, rows=10))
    assert "drops 13  ingest.bad_prefix 12  ingest.malformed 1" in panel
    standing = plain(standing_line(samples.snapshot(), 100))
    assert "dropped: ingest.bad_prefix 12, ingest.malformed 1" in standing


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (0.5, "disk 30m left"),
        (27.4, "disk 27h left"),
        (72.0, "disk 3d left"),
        (None, "disk 74G free"),
    ],
)
def test_the_disk_is_told_by_the_time_that_is_left(
    hours: float | None, text: str, samples: Any
) -> None:
    assert plain(health_line(samples.health(disk_hours_left=hours), 80)).endswith(text)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("unreachable", "unreachable - try bgptui --demo"),
        (
            "wss://ris-live.ripe.net/v1/ws/?client=bgptui did not answer within 10 s: timed out",
            "wss://ris-live.ripe.net/v1/w…client=bgptui did not answer within 10 s: timed out",
        ),
        ("gone " * 40, "gone " * 15 + "gone…"),
    ],
)
def test_an_error_comes_before_what_to_do_and_is_cut_in_its_url_first(
    error: str, text: str, samples: Any
) -> None:
    feed = FeedHealth("live", "", "gap", error=error, hint="try bgptui --demo")
    snapshot = samples.snapshot(collector=_collector(samples, feed=feed))
    told = plain(standing_line(snapshot, 80))
    assert len(told) <= 80
    assert told == text


def test_what_is_wrong_with_the_vrps_is_told_where_nothing_is_more_urgent(samples: Any) -> None:
    rpki = RpkiHealth("vrps.json", "error", error="vrps.json: cannot be read: no such file")
    well = tuple(StageHealth(name, StageState.OK) for name in ("ingest", "db"))
    collector = _collector(samples, rpki=rpki, stages=well)
    text = plain(standing_line(samples.snapshot(collector=collector), 80))
    assert text.startswith("rpki: vrps.json: cannot be read: no such file  dropped:")
    gap = FeedHealth("live", "", "gap", error="closed")
    collector = _collector(samples, rpki=rpki, stages=well, feed=gap)
    assert plain(standing_line(samples.snapshot(collector=collector), 80)) == "closed"


@pytest.mark.parametrize("width", [69, 79])
def test_the_verdicts_of_validation_fit_the_panel(width: int, samples: Any) -> None:
    rpki = replace(samples.health().rpki, unavailable=386, source="https://example.net/" + "v" * 90)
    panel = pipeline_panel(samples.health(rpki=rpki), width=width, rows=10)
    assert all(width_of(row) <= width for row in panel)
    text = "\n".join(plain(row) for row in panel)
    assert ("no verdict 386 <.1%" if width == 79 else "na 386 <.1%") in text


def test_what_is_not_looked_for_is_said_with_the_setting_that_would(samples: Any) -> None:
    health = samples.health(rpki=RpkiHealth("", "off"), watched_prefixes=0)
    panel = "\n".join(plain(row) for row in pipeline_panel(health, width=79, rows=10))
    view = View()
    view.take(samples.snapshot(alerts=(), collector=CollectorRow("noc1", 0.1, health)), 0.0)
    for text in (panel, empty_hint(view)):
        assert "o watchlist: hijacks of your prefixes not looked for (watch.file)" in text
        assert "o VRPs: origins are not validated (rpki.vrps)" in text
    assert "no watchlist" in plain(health_line(health, 80))


def test_a_detector_that_has_drifted_is_told_with_the_remedy(samples: Any) -> None:
    said = "drift: median score 0.091 last week, 0.037 in training (bgptui train)"
    health = samples.health(drift=(said,))
    assert said in [plain(row) for row in pipeline_panel(health, width=79, rows=12)]
    assert "drift" in plain(health_line(health, 80))
    assert "drift" not in plain(health_line(samples.health(), 80))


def test_a_collector_that_looks_for_all_of_it_complains_of_nothing(samples: Any) -> None:
    for watched, summary in ((3, "63 peers, 3 watched"), (None, "63 peers")):
        health = samples.health(watched_prefixes=watched)
        assert not_looked_for(health) == []
        assert plain(pipeline_panel(health, width=79, rows=10)[0]).endswith(summary)


# Columns


@pytest.mark.parametrize("width", [60, 70, 79, 80, 96, 200])
def test_every_row_of_the_table_is_as_wide_as_its_header_and_fits(width: int, samples: Any) -> None:
    grid = Grid(width)
    widths = {
        width_of(grid.row(row, cursor=True, pending=False, now=samples.now))
        for row in samples.rows()
    }
    assert widths == {width_of(grid.header())} == {width}


def test_eighty_columns_show_every_column(samples: Any) -> None:
    header = plain(Grid(80).header())
    names = "SEV ID LAST TYPE PREFIX ORIGIN RPKI CONF N STATE"
    assert header.split() == names.split(" ")


def test_a_narrow_table_keeps_severity_prefix_and_state(samples: Any) -> None:
    header = plain(Grid(40).header())
    assert "SEV" in header
    assert "PREFIX" in header
    assert "STATE" in header


def test_a_prefix_that_is_cut_keeps_its_length() -> None:
    assert fit_prefix("2001:db8:1234:5678:9abc::/80", 18) == "2001:db8:1234:…/80"
    assert fit_prefix("192.0.2.0/24", 18).rstrip() == "192.0.2.0/24"


def test_severity_is_told_without_colour(samples: Any) -> None:
    marks = {
        plain(
            Grid(80).row(samples.row(1, severity=severity), cursor=False, pending=False, now=None)
        )[3:6]
        for severity in Severity
    }
    assert marks == {"C!!", "H! ", "M- ", "L. "}


def test_every_type_of_alert_has_a_label_that_fits(samples: Any) -> None:
    for kind in AlertType:
        alert = samples.row(1, alert_type=kind, title="Feed of rrc00 Down")
        row = plain(Grid(80).row(alert, cursor=False, pending=False, now=None))
        assert "…" not in row


@pytest.mark.parametrize("width", [80, 160])
def test_a_gap_names_its_collector_once(width: int, samples: Any) -> None:
    gap = samples.row(
        1,
        alert_type=AlertType.FEED_GAP,
        title="Feed of rrc00 Down",
        prefix=None,
        peer_addr=None,
        peer_asn=None,
    )
    row = plain(Grid(width).row(gap, cursor=False, pending=False, now=None))
    assert row.count("Feed of rrc00 Down") == 1
    assert len(row) == width


# Detail


def test_the_detail_shows_why_how_sure_which_paths_and_what_since(samples: Any) -> None:
    row = samples.row(8841)
    text = "\n".join(plain(part) for part in detail_lines(row, samples.detail(row), 70))
    for expected in (
        "14 of 63 peer ASes",
        "203.0.113.0/24 of AS64500",
        "rule      watchlist rule 1: 203.0.113.0/24 up to /24 from AS64500",
        "subprefix, S|0, critical, opens at 3 peer ASes",
        "rpki      invalid (asn) as of 2026-01-07 13:59:31Z vrps.json",
        "ROA 203.0.113.0/24 up to /24 AS64500 ripe",
        "withdrawals 232, usually 24 +- 3.5, z+5.2",
        "route     .72 x 1.0 from rpki at 14 peer ASes",
        "rrc00 192.0.2.1 AS64496 since 2026-01-07 14:01:44Z",
        "and 13 more",
        "(1 - (1 - 1 * 0.72) * (1 - 1 * 0.82)) * (1 - 0.00) = 0.95",
        "64497 {64501,64502} 64666",
        "maria OPEN -> ACK: calling AS64666",
    ):
        assert expected in text


def test_every_line_of_a_detail_fits_its_width(samples: Any) -> None:
    row = samples.row(8841)
    for width in (40, 62, 80):
        assert all(width_of(p) <= width for p in detail_lines(row, samples.detail(row), width))


def test_the_parts_of_a_score_have_two_digits_whatever_their_sign(samples: Any) -> None:
    fact = {"kind": "ml", "ensemble": 0.4513, "lstm": 0.1749, "isolation_forest": -0.5487}
    row = samples.row(8841)
    detail = replace(samples.detail(row), evidence=(fact,))
    text = "\n".join(plain(part) for part in detail_lines(row, detail, 79))
    assert "ensemble .45, lstm .17, isolation forest -.55" in text


def test_a_detail_that_is_not_read_yet_shows_the_row_and_says_so(samples: Any) -> None:
    text = "\n".join(plain(part) for part in detail_lines(samples.row(8841), None, 70))
    assert "8841" in text
    assert "reading evidence" in text


def test_evidence_of_an_unknown_shape_is_shown_all_the_same(samples: Any) -> None:
    row = samples.row(1)
    odd = {"kind": "oracle", "deep": {"a": [1, {"b": None}]}, "list": [[1, 2], 3], "yes": True}
    detail = replace(samples.detail(row), evidence=(odd, {}))
    text = "\n".join(plain(part) for part in detail_lines(row, detail, 70))
    assert "oracle" in text
    assert "yes yes" in text


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    [
        "as_path",
        "seen",
        "peers",
        "peers_more",
        "min_peers",
        "vrps",
        "vrps_more",
        "as_of",
        "reasons",
        "features",
        "learning",
        "stream",
        "ensemble",
        "p",
        "z",
        "median",
        "value",
        "spread",
        "resets",
        "down_at",
        "up_at",
        "start",
        "end",
        "route",
        "route_q",
        "history",
        "before",
        "sources",
        "slurm",
        "ramps",
        "failing_hops",
        "records",
        "origins",
        "at",
        "resolves_at",
        "communities",
        "otc",
        "by_upstream",
        "cause",
    ]
)
_KINDS = st.sampled_from(
    [
        "rule",
        "rpki",
        "aspa",
        "origins",
        "withdrawn",
        "ml",
        "path",
        "peers",
        "session",
        "gap",
        "confidence",
        "oracle",
    ]
)


@given(_KINDS, st.dictionaries(_FIELDS, _JSON, max_size=8))
def test_evidence_of_any_shape_is_shown_and_breaks_nothing(
    kind: str, fields: dict[str, Any]
) -> None:
    row = AlertRow(
        alert_id=1,
        version=1,
        alert_type=AlertType.HIJACK,
        severity=Severity.LOW,
        status=Status.OPEN,
        title="t",
        confidence=0.5,
        first_seen=0.0,
        last_seen=0.0,
        updated_at=0.0,
    )
    fact = {**fields, "kind": kind}
    detail = AlertDetail(row=row, alert_uuid="u", description="", evidence=(fact,))
    assert all(width_of(part) <= 40 for part in detail_lines(row, detail, 40))


# Keys and layout


def test_no_key_is_one_that_terminals_and_multiplexers_take() -> None:
    taken = {f"ctrl+{letter}" for letter in "absqz"}
    assert not taken & {key for command in COMMANDS for key in command.keys}


def test_a_place_binds_each_key_once() -> None:
    for place in Place:
        keys = [key for c in COMMANDS if place in c.places for key in c.keys]
        assert len(keys) == len(set(keys))
        assert len(bindings(place)) == sum(place in c.places for c in COMMANDS)


def test_help_names_every_command() -> None:
    text = "\n".join(plain(row) for row in help_lines("noc", 80))
    for command in COMMANDS:
        assert command.help in text
    lacks = ["no watchlist: x (watch.file)"]
    assert all(width_of(row) <= 80 for row in help_lines("noc", 80, lacks=lacks))
    assert lacks[0] in [plain(row) for row in help_lines("noc", 80, lacks=lacks)]


def test_the_key_line_fits_eighty_columns_with_every_act() -> None:
    text = plain(key_line(Place.MAIN, 80))
    assert len(text) <= 80
    for label in ("a ack", "x false", "r resolve", "u undo", "q quit", "? help"):
        assert label in text


@pytest.mark.parametrize(
    ("columns", "rows", "layout"),
    [
        (59, 24, Layout.TOO_SMALL),
        (80, 11, Layout.TOO_SMALL),
        (60, 12, Layout.SMALL),
        (79, 50, Layout.SMALL),
        (80, 19, Layout.SMALL),
        (80, 20, Layout.NORMAL),
        (80, 24, Layout.NORMAL),
        (139, 48, Layout.NORMAL),
        (160, 48, Layout.WIDE),
    ],
)
def test_the_layout_follows_the_terminals_size(columns: int, rows: int, layout: Layout) -> None:
    assert layout_for(columns, rows) is layout


def shared_by_two(samples: Any, *, silent_s: float) -> Snapshot:
    snapshot: Snapshot = samples.snapshot()
    assert snapshot.collector is not None
    processes = (
        ProcessHealth("noc1:4711:x", 0.4, ("rrc00", "rrc03"), True, "live", 900.0),
        ProcessHealth("noc2:17:y", silent_s, ("rrc01",), feed_state="live", rate_per_s=340.0),
    )
    health = replace(
        snapshot.collector.health, collectors=("rrc00", "rrc01", "rrc03"), processes=processes
    )
    return replace(snapshot, collector=replace(snapshot.collector, health=health))


def test_the_bar_names_the_collectors_of_all_processes_and_those_that_are_silent(
    samples: Any,
) -> None:
    well = shared_by_two(samples, silent_s=0.8)
    view = BarView(snapshot=well, latest=well, unread_s=0.1)
    assert plain(bar_line(view, 100)).startswith("bgptui rrc00+2  LIVE")
    silent = shared_by_two(samples, silent_s=12.0)
    view = BarView(snapshot=silent, latest=silent, unread_s=0.1)
    assert plain(bar_line(view, 100)).startswith("bgptui rrc00+2  BLIND rrc01 silent 12s")


def test_the_pipeline_panel_lists_the_processes_with_their_hosts(samples: Any) -> None:
    snapshot = shared_by_two(samples, silent_s=12.0)
    assert snapshot.collector is not None
    panel = [plain(each) for each in pipeline_panel(snapshot.collector.health, width=80, rows=20)]
    assert panel[1:3] == [
        "noc1:4711        LIVE   900/s rrc00 rrc03  correlates",
        "noc2:17          SILENT 12s rrc01",
    ]
