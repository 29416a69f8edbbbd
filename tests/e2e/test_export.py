"""`bgptui export` on the rows of `db sample-data`."""

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bgptui.cli import main
from bgptui.commands.export import csv_cell
from bgptui.detect.labelled import read_labelled_file
from bgptui.domain.alert_json import iso_utc
from bgptui.store.connect import Connection, connect
from bgptui.store.sample_data import write_sample_data

Export = Callable[..., str]
ROWS = {"features": 50, "scores": 50, "events": 20, "alerts": 15}


@pytest.fixture
def export(database: str, capsys: pytest.CaptureFixture[str]) -> Export:
    """Runs `bgptui export` on a database with sample rows; gives what it prints."""

    def connection() -> Connection:
        return connect(database, application_name="test", timeout_s=5)

    write_sample_data(connection, now=time.time())

    def run(*arguments: str) -> str:
        assert main(["export", *arguments, "--dsn", database]) == 0
        return capsys.readouterr().out

    return run


def test_every_row_is_exported_as_csv_and_as_json_lines(export: Export) -> None:
    for what, number in ROWS.items():
        rows = list(csv.DictReader(io.StringIO(export(what))))
        lines = [json.loads(line) for line in export(what, "--format", "jsonl").splitlines()]
        assert (len(rows), len(lines)) == (number, number), what
        for row, line in zip(rows, lines, strict=True):
            assert set(row) >= set(line)
            assert row == {name: csv_cell(line.get(name)) for name in row}


def test_rows_come_oldest_first_and_only_those_of_the_span(export: Export) -> None:
    lines = export("features", "--format", "jsonl").splitlines()
    times = [json.loads(line)["timestamp"] for line in lines]
    assert times == sorted(times)
    since, until = sorted(set(times))[1], sorted(set(times))[3]
    part = export("features", "--format", "jsonl", "--since", since, "--until", until).splitlines()
    assert [json.loads(line)["timestamp"] for line in part] == [
        each for each in times if since <= each < until
    ]
    empty = export("features", "--since", iso_utc(time.time() + 3_600))
    assert empty.count("\n") == 1
    assert empty.startswith("timestamp,collector,peer_addr,peer_asn,announcements,")


def test_events_tell_how_long_their_matter_lasts_and_how_many_see_it(export: Export) -> None:
    lines = [json.loads(line) for line in export("events", "--format", "jsonl").splitlines()]
    keys = ("event_type", "prefix", "origin_asn", "reason")
    assert len({tuple(line[key] for key in keys) for line in lines}) == len(lines)
    assert all(line["timestamp"] <= line["last_seen"] for line in lines)
    assert sorted((line["peers_seen"], line["sightings"]) for line in lines) == (
        10 * [(1, 1)] + 10 * [(2, 2)]
    )
    assert {line["ended_at"] for line in lines} == {None}


def test_exported_features_can_be_read_back_a_stream_a_peer(export: Export, tmp_path: Path) -> None:
    path = tmp_path / "features.csv"
    path.write_text(export("features"))
    streams = read_labelled_file(path)
    assert sum(len(stream.windows) for stream in streams) == ROWS["features"]
    assert len({stream.windows[0].peer for stream in streams}) == len(streams) > 1


def test_wrong_times_are_refused_in_one_line(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["export", "features", "--since", "yesterday", "--dsn", database])
    assert stopped.value.code == 2
    assert "'yesterday' is no time" in capsys.readouterr().err
    assert main(["export", "alerts", "--since", "2026-01-02", "--until", "2026-01-01"]) == 2
    assert "--until is not after --since" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (0.25, "0.25"),
        (["A", "B"], "A B"),
        ([], ""),
        ([{"kind": "rule"}], '[{"kind":"rule"}]'),
        ({"a": 1}, '{"a":1}'),
    ],
    ids=["null", "bool", "number", "list", "empty list", "objects", "object"],
)
def test_a_csv_cell_holds_any_value(value: object, cell: str) -> None:
    assert csv_cell(value) == cell
