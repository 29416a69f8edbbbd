"""What each command does; bgptui/cli.py has their flags."""
