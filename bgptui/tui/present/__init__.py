"""Presenters: values in, lines of text out. They know no widget, no clock and no database."""
