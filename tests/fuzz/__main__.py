"""``python -m tests.fuzz scenarios|data|formulas|app|sessions|elsewhere --count N``: see ``docs/development.md``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.searching import search
from tests.fuzz.table import KINDS


def main() -> int:
    """Searches, and says with the exit code whether something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Looks for inputs that do harm.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="how many; 1,000 by default")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the first case; 0 by default")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), metavar="FOLDER", help="for what was found")
    asked = parser.parse_args()
    found = search(asked.kind, asked.count, asked.seed, asked.keep.resolve(), lambda text: print(text, flush=True))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
