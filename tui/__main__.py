"""`python -m retrograde.tui`, the same as the command `retrograde`."""

import sys

from retrograde.tui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
