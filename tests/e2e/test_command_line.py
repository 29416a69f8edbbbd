"""Exit codes, one-line errors, and what each command prints."""

import json
import re
import subprocess
import sys

import psycopg
import pytest

from support.program import Program

DOCUMENTED_QUERIES = (
    "SELECT timestamp, severity, title, peer_addr, confidence, status FROM alerts"
    " WHERE severity = 'critical' AND status = 'open' ORDER BY timestamp DESC",
    "SELECT peer_addr, COUNT(*), AVG(confidence), MAX(final_score) FROM alerts"
    " WHERE timestamp > NOW() - INTERVAL '24 hours' GROUP BY peer_addr",
    "SELECT rpki_status, event_type, COUNT(*) FROM route_monitor_events"
    " GROUP BY rpki_status, event_type",
    "SELECT component, metric_name, AVG(metric_value), MAX(metric_value), unit"
    " FROM system_metrics WHERE timestamp > NOW() - INTERVAL '1 hour'"
    " GROUP BY component, metric_name, unit",
    "SELECT * FROM recent_alerts",
    "SELECT * FROM alert_summary_hourly LIMIT 10",
)


def test_a_wrong_key_is_one_line_with_file_line_and_the_nearest_key(program: Program) -> None:
    (program.home / "bgptui.toml").write_text('[store]\nraw_row = "all"\n')
    said = program.run("--no-ui", exit_code=2).stderr
    assert re.fullmatch(
        r"bgptui: .*bgptui\.toml:2: unknown setting store\.raw_row = \"all\"; "
        r"did you mean store\.raw_rows\?\n",
        said,
    )


def test_a_wrong_value_says_what_is_allowed(program: Program) -> None:
    said = program.run("--no-ui", "--set", "store.raw_rows=some", exit_code=2).stderr
    assert "store.raw_rows" in said
    assert "watched" in said
    assert said.count("\n") == 1


def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    program: Program,
) -> None:
    dsn = "postgresql://noc:hunter2@127.0.0.1:1/bgp"
    for arguments in (("--no-ui",), ("--attach",), ("db", "status"), ("alerts",)):
        said = program.run(*arguments, "--dsn", dsn, exit_code=3).stderr
        assert "bgp on 127.0.0.1:1 as noc cannot be reached" in said
        assert "hunter2" not in said
        assert said.count("\n") == 1


def test_a_console_without_a_terminal_points_to_the_service(
    program: Program, database: str
) -> None:
    for arguments in ((), ("--attach",), ("--demo",)):
        said = program.run(*arguments, "--dsn", database, exit_code=2).stderr
        assert "--no-ui" in said


def test_an_empty_home_has_no_database_to_attach_to(program: Program) -> None:
    said = program.run("alerts", exit_code=3).stderr
    assert "there is no database" in said


def test_the_service_loads_neither_textual_nor_scikit_learn_nor_torch(program: Program) -> None:
    code = (
        "import sys, bgptui.commands.run, bgptui.commands.headless, bgptui.commands.replay\n"
        "from bgptui.detect.model_bundle import configured_bundle\n"
        "assert configured_bundle('default') is not None\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}\n"
        "             & {'textual', 'rich', 'sklearn', 'scipy', 'onnx', 'torch'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_headless_output_has_no_escape_bytes(program: Program, database: str) -> None:
    url = "ws://127.0.0.1:9/v1/ws/"
    command = ("--no-ui", "--url", url, "--dsn", database, "--set", "runtime.log_interval_s=0.5")
    with program.running(*command) as process:
        assert process.stderr is not None
        said = ""
        while "attempts=" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        rest = program.terminate(process)
    assert "\x1b" not in said + rest
    assert "feed=gap" in said or "feed=connecting" in said
    assert "is this machine online" in said + rest


def test_the_schema_is_made_verified_and_filled(program: Program, empty_database: str) -> None:
    dsn = ("--dsn", empty_database)
    first = program.run("db", "init", *dsn).stdout
    assert "MISSING" not in first
    assert re.search(r"\d+ objects verified", first)
    assert "nothing to do" in program.run("db", "init", *dsn).stdout
    sample = program.run("db", "sample-data", *dsn).stdout
    counts = dict(re.findall(r"(\w+) +(\d+) rows", sample))
    assert counts == {
        "raw_bgp_data": "100",
        "features": "50",
        "ml_results": "50",
        "route_monitor_events": "20",
        "alerts": "15",
        "system_metrics": "30",
    }
    status = program.run("db", "status", *dsn).stdout
    assert "PostgreSQL" in status
    assert re.search(r"(?m)^alerts .* 15 ", status)
    tables = json.loads(program.run("db", "status", "--json", *dsn).stdout)["tables"]
    assert {table["name"]: table["rows"] for table in tables}["features"] == 50
    program.run("db", "maintain", *dsn)
    with psycopg.connect(empty_database) as connection:
        for query in DOCUMENTED_QUERIES:
            connection.execute(query.encode()).fetchall()
        score = connection.execute("SELECT calculate_ensemble_score(0.8, -0.6, 0.9)").fetchone()
    assert score == (pytest.approx(0.76),)


def test_alerts_are_listed_shown_and_acted_on(program: Program, database: str) -> None:
    dsn = ("--dsn", database)
    program.run("db", "sample-data", *dsn)
    lines = program.run("alerts", "--json", *dsn, "--status", "open").stdout.splitlines()
    alert = json.loads(lines[0])
    number = str(alert["alert_id"])
    acted = program.run(
        "alerts", "ack", number, "--operator", "noc", "--note", "on it", "--json", *dsn
    )
    assert json.loads(acted.stdout)["status"] == "acknowledged"
    program.run("alerts", "note", number, "called the upstream", "--operator", "noc", *dsn)
    shown = program.run("alerts", "show", number, *dsn).stdout
    assert "acknowledged by noc: on it" in shown
    assert "called the upstream" in shown
    assert f" {number} resolved" in program.run("alerts", "resolve", number, *dsn).stdout
    said = program.run("alerts", "ack", number, *dsn, exit_code=1).stderr
    assert "resolved" in said
    assert "no alert 99999" in program.run("alerts", "show", "99999", *dsn, exit_code=1).stderr


def test_every_setting_is_shown_with_its_origin_and_secrets_masked(program: Program) -> None:
    program.environment["BGPTUI_STORE_DSN"] = "postgresql://noc:hunter2@db.example.net/bgp"
    shown = program.run("config", "show", "--set", "watch.min_peers=5").stdout
    assert "hunter2" not in shown
    assert re.search(r"store\.dsn .*\*\*\*.* environment BGPTUI_STORE_DSN", shown)
    assert re.search(r"watch\.min_peers +5 +flag", shown)
    rows = json.loads(program.run("config", "show", "--json").stdout)
    assert {row["setting"] for row in rows} >= {"store.dsn", "feed.url", "rpki.vrps"}


def test_scenarios_are_listed(program: Program) -> None:
    assert program.run("demo", "list").stdout.startswith("subprefix-hijack ")
    said = program.run("--demo", "no-such", "--no-ui", exit_code=2).stderr
    assert "there is no scenario 'no-such'" in said
