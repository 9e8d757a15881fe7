"""Op kinds, one file a family: equation, kernel and gradient rule of each."""
