"""What `bgptui train` reads of the database."""

from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FEATURES, FeatureWindow
from bgptui.store.connect import Connection
from bgptui.store.training_rows import training_rows
from bgptui.store.writer import WriteBatch, Writer

T0 = 1_767_780_000
DAY_S = 86_400
PEERS = [Peer("rrc00", f"192.0.2.{n}", 64496 + n) for n in range(4)]


def score(number: int, window: FeatureWindow, *, is_anomaly: bool) -> WindowScore:
    return WindowScore(
        id=number,
        feature_id=number,
        window=window,
        zscores=(0.0,) * len(FEATURES),
        lstm_error=None,
        lstm=None,
        isolation_forest=None,
        heuristic=0.0,
        reasons=(),
        ensemble=0.0,
        confidence=None,
        is_anomaly=is_anomaly,
        model_version="test",
        learning=False,
        baseline_minutes=1_440,
        baseline=((1.5, 0.5),) * len(FEATURES),
        error_shares=(0.25,) * len(FEATURES),
    )


def test_an_empty_database_has_nothing_to_learn_from(conn: Connection) -> None:
    rows = training_rows(conn, days=14, peers=10, seed=0)
    assert (rows.streams, rows.alarmed) == ((), {})


def test_the_network_and_some_peers_of_the_newest_days_are_read(
    conn: Connection, writer: Writer
) -> None:
    windows = [
        FeatureWindow(T0 - 3 * DAY_S, None, announcements=1),
        *(FeatureWindow(T0, peer, announcements=2) for peer in (None, *PEERS)),
    ]
    features = tuple((number, window, ()) for number, window in enumerate(windows))
    writer.process(WriteBatch(now=0.0, features=features), 0.0)
    read = [training_rows(conn, days=2, peers=2, seed=seed).streams for seed in (1, 1)]
    assert [stream.peer for stream in read[0]] == [stream.peer for stream in read[1]]
    network, *peers = read[0]
    assert network.peer is None
    assert network.starts.tolist() == [T0]
    assert len(peers) == 2
    chosen = {
        stream.peer
        for seed in range(12)
        for stream in training_rows(conn, days=2, peers=2, seed=seed).streams
    }
    assert chosen == {None, *PEERS}


def test_windows_that_alarmed_are_told_and_why_is_stored(conn: Connection, writer: Writer) -> None:
    windows = [FeatureWindow(T0 + 60 * n, PEERS[0], announcements=n) for n in range(3)]
    scores = tuple(score(n, window, is_anomaly=n == 1) for n, window in enumerate(windows))
    writer.process(
        WriteBatch(
            now=0.0,
            features=tuple((n, window, ()) for n, window in enumerate(windows)),
            scores=scores,
        ),
        0.0,
    )
    rows = training_rows(conn, days=1, peers=1, seed=0)
    assert rows.alarmed == {PEERS[0]: frozenset({T0 + 60})}
    assert rows.streams[0].values[:, 0].tolist() == [0, 1, 2]
    why = conn.execute(
        "select feature_error_share[1], baseline_median[9], baseline_spread[1] from ml_results"
    ).fetchone()
    assert why == (0.25, 1.5, 0.5)
