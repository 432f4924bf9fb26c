"""The steps of a move, one module per act or check."""
