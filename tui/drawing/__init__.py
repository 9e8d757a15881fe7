"""How pictures are drawn: lines of spans for any width and height, in either set of glyphs; never by colour alone."""
