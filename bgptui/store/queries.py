"""SQL by name: every statement is a file under sql/queries/."""

from functools import cache

from bgptui.resources import resource_dir


@cache
def query(name: str) -> bytes:
    """The statement of sql/queries/`name`.sql, e.g. `query("store/start_state")`.

    Its header of `--` lines is left off: a percent sign there would be taken for a parameter.

    Raises:
        FileNotFoundError: there is no such file.
    """
    text = (resource_dir("sql") / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    while lines and (lines[0].startswith("--") or not lines[0].strip()):
        del lines[0]
    return "".join(lines).encode()
