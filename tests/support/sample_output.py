"""What the sample queries of docs/schema.md say, over the rows of `bgptui db sample-data`.

    PYTHONPATH=tests python -m support.sample_output   # writes the outputs into docs/schema.md

A query is a block of sql; where a block of text follows it, that is its output. The rows are of
the sample's own time, shown as if it were the morning of one day in January.
"""

import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from psycopg import Cursor

from bgptui.store.connect import CONSOLE, Connection, connect
from bgptui.store.embedded import EmbeddedPostgres
from bgptui.store.migrate import migrate
from bgptui.store.sample_data import write_sample_data

DOCUMENT = Path(__file__).parents[2] / "docs" / "schema.md"
SHOWN_AS = datetime(2026, 1, 7, 10, tzinfo=UTC)
_BLOCK = re.compile(r"```sql\n(?P<statement>.*?)```\n(?:```text\n(?P<output>.*?)```\n)?", re.DOTALL)
_HOUR_S = 3_600


def sample_time() -> datetime:
    """The start of this hour: the rows are of the ten minutes before it."""
    return datetime.fromtimestamp(time.time() // _HOUR_S * _HOUR_S, UTC)


def filled_in(document: str, conn: Connection, now: datetime) -> str:
    """The document with each output that it shows as the database has it now.

    Args:
        conn: to a database with the sample data of `now`.
    """

    def answered(block: re.Match[str]) -> str:
        if block["output"] is None:
            return block[0]
        output = "\n".join(_output(conn, block["statement"], now))
        return f"```sql\n{block['statement']}```\n```text\n{output}\n```\n"

    return _BLOCK.sub(answered, document)


def statements(document: str) -> list[str]:
    """Every statement of the document's blocks of sql."""
    blocks = (block["statement"] for block in _BLOCK.finditer(document))
    return [one.strip() for block in blocks for one in block.split(";") if one.strip()]


def _output(conn: Connection, statement: str, now: datetime) -> Iterator[str]:
    # The sample's time is up to an hour ago: what NOW() means is the sample's end.
    moved = statement.replace("NOW()", f"'{now.isoformat()}'::timestamptz")
    with conn.cursor() as cursor:
        cursor.execute(moved.encode())
        rows = [[_shown(value, now) for value in row] for row in cursor]
        if "order by" not in statement.lower():
            rows.sort()
        yield from _aligned(cursor, rows)


def _aligned(cursor: Cursor[tuple[object, ...]], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """As psql shows it, numbers on the left as well."""
    names = [column.name for column in cursor.description or ()]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    for line in (names, None, *rows):
        if line is None:
            yield "-+-".join("-" * width for width in widths)
        else:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            yield " | ".join(cells).rstrip()


def _shown(value: object, now: datetime) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return str(value - now + SHOWN_AS).removesuffix(":00")
    if isinstance(value, float | Decimal):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "{" + ",".join(_shown(one, now) for one in value) + "}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    return str(value)


def main() -> None:
    with EmbeddedPostgres.throwaway() as server:
        migrate(server.dsn)
        now = sample_time()

        def connected() -> Connection:
            return connect(server.dsn, application_name=CONSOLE, timeout_s=10)

        write_sample_data(connected, now=now.timestamp())
        with connected() as conn:
            document = DOCUMENT.read_text(encoding="utf-8")
            DOCUMENT.write_text(filled_in(document, conn, now), encoding="utf-8")


if __name__ == "__main__":
    main()
