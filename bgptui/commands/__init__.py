"""What each command does; bgptui/arguments/ has their flags."""
