"""What each command takes: one file a command, named like its file in bgptui/commands/.

They import nothing of bgptui but each other, so that `bgptui --help` is quick.
"""
