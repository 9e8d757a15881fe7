"""What drawing is made of: spans, inks, glyphs, themes. Knows nothing of networks."""
