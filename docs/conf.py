"""How Sphinx makes the book of these pages, in one language at a time: see docs/development.md."""
project = "Retrograde"
author = "The Retrograde authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["*.zh.md"]
html_theme = "furo"
myst_heading_anchors = 4
