"""Load, faults and an independent checker: proves by killing things that nothing is lost, doubled or left half-done."""
