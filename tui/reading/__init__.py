"""A reading: what the session says at one position, fetched once and shared by all views."""
