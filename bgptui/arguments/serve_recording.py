"""Flags of `bgptui serve-recording`."""

from bgptui.arguments.common import Commands, Database, add_command
from bgptui.arguments.values import port


def add_serve_recording(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "serve-recording",
        "serve_recording:run",
        "a RIS Live-compatible WebSocket server over recorded input",
        database=Database.UNUSED,
    )
    parser.add_argument("input", nargs="+", metavar="INPUT", help="as for replay")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=8765, help="0: a free one (default: 8765)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=float, metavar="N", help="messages a second")
    pace.add_argument("--speed", type=float, metavar="N", help="multiple of real time")
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument(
        "--keep-time", action="store_true", help="leave timestamps as recorded, not shifted to now"
    )
