"""Widgets that paint lines, only those that changed."""
