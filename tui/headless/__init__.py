"""The commands that need no screen, a file each; `retrograde.tui.cli` reads their arguments."""
