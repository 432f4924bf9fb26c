"""The steps of a move, one module each."""
