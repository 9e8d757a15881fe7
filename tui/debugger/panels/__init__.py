"""The panels, a file each: what it shows, where it lies, and what is done in it; ``table`` lists them."""
