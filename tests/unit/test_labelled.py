"""Labelled minutes read from CSV files."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from bgptui.detect.labelled import (
    LabelledStream,
    event_of,
    read_labelled,
    read_labelled_file,
    same_days_same_event,
)
from bgptui.domain.routing import Peer
from bgptui.domain.window import FeatureWindow
from bgptui.errors import BadInput, UsageError

HEADER = (
    "epoch,announcements,withdrawals,total_updates,withdrawal_ratio,flap_count,path_length,"
    "unique_peers,message_rate,session_resets"
)


def row(minute: int, rest: str = "12,3,15,0.2,1,4.5,2,0.25,0") -> str:
    return f"{1_043_280_000 + minute * 60},{rest}"


def write(folder: Path, *lines: str, name: str = "ufam_slammer_rrc04.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_row_becomes_a_window_with_its_label(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + ",label", row(0) + ",0", row(1) + ",1")
    (stream,) = read_labelled_file(path)
    assert (stream.name, stream.event) == ("ufam_slammer_rrc04", "slammer")
    assert stream.labels.tolist() == [False, True]
    assert stream.unobserved == ("session_resets",)
    assert stream.windows[0] == FeatureWindow(
        start=1_043_280_000,
        peer=None,
        announcements=12,
        withdrawals=3,
        flap_count=1,
        path_length=4.5,
        unique_peers=2,
        message_rate=0.25,
    )


def test_gzip_order_of_columns_extra_columns_and_a_timestamp_make_no_difference(
    tmp_path: Path,
) -> None:
    plain = write(tmp_path, HEADER, row(0), name="one.csv")
    other = tmp_path / "one.csv.gz"
    text = (
        "note,session_resets,message_rate,unique_peers,path_length,flap_count,withdrawal_ratio,"
        "total_updates,withdrawals,announcements,timestamp\n"
        "x,0,0.25,2,4.5,1,0.2,15,3,12,2003-01-23 00:00:00\n"
    )
    other.write_bytes(gzip.compress(text.encode()))
    (first,), (second,) = read_labelled_file(plain), read_labelled_file(other)
    assert first.windows == second.windows


def test_an_offset_in_a_timestamp_counts(tmp_path: Path) -> None:
    header = HEADER.replace("epoch", "timestamp")
    path = write(tmp_path, header, "2003-01-23T02:00:00+02:00,12,3,15,0.2,1,4.5,2,0.25,0")
    assert read_labelled_file(path)[0].windows[0].start == 1_043_280_000


def test_a_feature_that_is_empty_throughout_was_not_observed(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, *(row(minute, "12,3,15,0.2,1,6,,0.25,0") for minute in (0, 1)))
    assert read_labelled_file(path)[0].unobserved == ("unique_peers", "session_resets")


def test_no_announcements_mean_no_path_length_even_where_the_file_says_zero(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, HEADER, row(0, "0,3,3,1,0,0,1,0.05,0"), row(1, "1,3,4,.75,0,,1,0.05,0"))
    assert [window.path_length for window in read_labelled_file(path)[0].windows] == [None, None]


def test_rows_that_are_missing_stay_missing(tmp_path: Path) -> None:
    (stream,) = read_labelled_file(write(tmp_path, HEADER, row(0), row(7)))
    assert [window.start for window in stream.windows] == [1_043_280_000, 1_043_280_420]


SILENT = "0,0,0,0,0,0,1,0,0"


@pytest.mark.parametrize(
    ("usual", "silent", "is_gap"),
    [
        pytest.param("12,3,15,0.2,1,4.5,2,0.25,0", 5, True, id="five of a busy stream"),
        pytest.param("12,3,15,0.2,1,4.5,2,0.25,0", 4, False, id="four of a busy stream"),
        pytest.param("1,1,2,0.5,0,4.5,2,0.03,0", 9, False, id="nine of a quiet stream"),
    ],
)
def test_a_long_run_of_empty_rows_is_missing_data_unless_the_stream_is_quiet(
    tmp_path: Path, usual: str, silent: int, is_gap: bool
) -> None:
    rows = [row(minute, SILENT if 20 <= minute < 20 + silent else usual) for minute in range(40)]
    (stream,) = read_labelled_file(write(tmp_path, HEADER, *rows))
    gaps = [place for place, window in enumerate(stream.windows) if window.gap]
    assert gaps == (list(range(20, 20 + silent)) if is_gap else [])


def test_a_gap_column_decides_alone_what_is_a_gap(tmp_path: Path) -> None:
    usual = [f"{row(minute)},{'t' if minute == 3 else 'f'}" for minute in range(10)]
    silent = [f"{row(minute, SILENT)},f" for minute in range(10, 20)]
    (stream,) = read_labelled_file(write(tmp_path, HEADER + ",gap", *usual, *silent))
    gaps = [place for place, window in enumerate(stream.windows) if window.gap]
    assert gaps == [3]


def test_rows_of_many_peers_become_a_stream_each(tmp_path: Path) -> None:
    header = HEADER + ",collector,peer_addr,peer_asn"
    rows = [
        row(minute) + of
        for minute in (0, 1)
        for of in (",rrc00,192.0.2.1,64500", ",rrc00,2001:db8::1,64501", ",,,")
    ]
    streams = read_labelled_file(write(tmp_path, header, *rows, name="export.csv"))
    assert [stream.windows[0].peer for stream in streams] == [
        None,
        Peer("rrc00", "192.0.2.1", 64500),
        Peer("rrc00", "2001:db8::1", 64501),
    ]
    assert [stream.name for stream in streams] == [
        "export network",
        "export 192.0.2.1",
        "export 2001:db8::1",
    ]
    assert [len(stream.windows) for stream in streams] == [2, 2, 2]


BAD = {
    "no rows": ((HEADER,), "rrc04.csv: there are no rows under the header"),
    "no header": (("",), "rrc04.csv:1: the header has no column epoch (or timestamp), announc"),
    "no feature": (
        (HEADER.replace("flap", "f"), row(0)),
        ":1: the header has no column flap_count",
    ),
    "column twice": ((HEADER + ",epoch", row(0) + ",1"), ":1: column epoch stands twice"),
    "half a peer": ((HEADER + ",peer_addr", row(0) + ",x"), ":1: collector, peer_addr, peer_asn"),
    "too many": ((HEADER, row(0), row(1) + ",9"), ":3: 11 values under 10 columns"),
    "text": ((HEADER, row(0, "x,3,15,.2,1,4,2,1,0")), ":2: announcements 'x' is not a number"),
    "fraction": ((HEADER, row(0, "1.5,3,4,.2,1,4,2,1,0")), "announcements '1.5' is not a whole nu"),
    "negative": ((HEADER, row(0, "-1,3,2,.2,1,4,2,1,0")), "announcements '-1' is not a number fr"),
    "nan": ((HEADER, row(0, "nan,3,2,.2,1,4,2,1,0")), "announcements 'nan' is not a number from"),
    "empty": ((HEADER, row(0, ",3,3,1,1,4.5,2,1,0")), ":2: announcements is empty"),
    "sum": ((HEADER, row(0, "12,3,16,.2,1,4,2,1,0")), "total_updates 16 is not announcements +"),
    "some empty": ((HEADER, row(0), row(1, "1,3,4,.2,1,4,,1,0")), ":3: unique_peers is empty, but"),
    "backwards": ((HEADER, row(1), row(0)), ":3: 1043280000 does not come after the row before"),
    "twice": ((HEADER, row(0), row(0)), ":3: 1043280000 does not come after the row before it"),
    "half a minute": ((HEADER, "1043280030,1,3,4,.2,1,4,2,1,0"), "epoch '1043280030' is not the "),
    "no time": ((HEADER, ",1,3,4,.2,1,4,2,1,0"), "epoch '' is not the start of a minute"),
    "label": ((HEADER + ",label", row(0) + ",2"), ":2: label '2' is neither 0 nor 1"),
    "date": ((HEADER.replace("epoch", "timestamp"), row(0)), "timestamp '1043280000' is not ISO"),
}


@pytest.mark.parametrize(("lines", "text"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, lines: tuple[str, ...], text: str
) -> None:
    with pytest.raises(BadInput) as error:
        read_labelled_file(write(tmp_path, *lines))
    assert text in str(error.value)


def test_torn_and_binary_files_are_refused_in_one_line(tmp_path: Path) -> None:
    torn = tmp_path / "torn.csv.gz"
    torn.write_bytes(gzip.compress("\n".join([HEADER, row(0)]).encode())[:-12])
    with pytest.raises(BadInput, match="compressed data is torn"):
        read_labelled_file(torn)
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(BadInput, match="not text in UTF-8"):
        read_labelled_file(binary)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_labelled_file(tmp_path / "missing.csv")


def test_a_folder_stands_for_the_csv_files_in_it(tmp_path: Path) -> None:
    write(tmp_path, HEADER, row(0), name="b.csv")
    write(tmp_path, HEADER, row(9), name="a.csv")
    write(tmp_path, "something else", name="notes.txt")
    assert [stream.name for stream in read_labelled([tmp_path])] == ["a", "b"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no \.csv or \.csv\.gz files"):
        read_labelled([tmp_path / "empty"])


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("ufam_code-red_rrc04", "code-red"),
        ("slammer_rrc04_AS513", "slammer"),
        ("sfu_Moscow_blackout", "moscow-blackout"),
        ("my_storm", "my-storm"),
    ],
)
def test_an_event_has_the_name_of_its_file(name: str, event: str) -> None:
    assert event_of(name) == event


def test_streams_of_the_same_days_are_of_one_event_whatever_they_are_called() -> None:
    def stream(name: str, first_min: int, minutes: int) -> LabelledStream:
        windows = tuple(FeatureWindow((first_min + n) * 60, None) for n in range(minutes))
        return LabelledStream(name, name, windows, np.zeros(minutes, np.bool_), ())

    streams = [
        stream("long-name", 0, 10), stream("c", 14, 3), stream("bb", 9, 6), stream("d", 17, 3),
    ]  # fmt: skip
    assert [each.event for each in same_days_same_event(streams)] == ["c", "c", "c", "d"]
