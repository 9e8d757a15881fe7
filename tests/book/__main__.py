"""Makes the book of docs/ in both languages, in build/book: `python -m tests.book [FOLDER]`, with the extra `docs`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BOOK = ROOT / "build" / "book"


def build(out: Path = BOOK) -> int:
    """Builds both languages; what is wrong with a page or a link is printed and is an error.

    Args:
        out: the folder, which is emptied.
    """
    from sphinx.cmd.build import build_main

    shutil.rmtree(out, ignore_errors=True)
    common = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(ROOT / "docs" / "book")]
    for language, folder in (("en", out), ("zh_CN", out / "zh")):
        where = ["-d", str(out.with_name(f"{out.name}-read-{language}")), str(ROOT / "docs"), str(folder)]
        if code := build_main([*common, "-E", "-D", f"language={language}", *where]):
            return code
    return 0


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else BOOK
    code = build(chosen)
    if not code:
        print(f"made: {chosen / 'index.html'}, {chosen / 'zh' / 'index.html'}")
    sys.exit(code)
