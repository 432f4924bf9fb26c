"""A shop's database and an application that writes to it: what a move is tried on."""
