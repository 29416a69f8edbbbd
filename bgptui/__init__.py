"""bgptui: a terminal monitoring console for BGP."""

__version__ = "0.1.0"
