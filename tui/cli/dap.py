"""`retrograde dap`."""

from retrograde.tui.cli.support.subcommand import Subcommand

COMMAND = Subcommand(name="dap", help="x", run=lambda given: 0)
