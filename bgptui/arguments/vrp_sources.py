"""Flags that name the source of VRPs."""

import argparse


def add_vrp_sources(parser: argparse.ArgumentParser) -> None:
    """Add them; commands/vrp_sources.py reads them."""
    parser.add_argument(
        "--vrps",
        metavar="FILE|URL",
        help="instead of the configured sources; "
        "a file is taken as it stands: neither expiry nor age",
    )
    parser.add_argument("--vrps-now", metavar="TIME", help="with a file: expire as of this time")
    parser.add_argument("--rtr", metavar="HOST:PORT", help="an RTR cache instead; rtrs:// for TLS")
