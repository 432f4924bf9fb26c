"""Everything that tries the rest: worlds and stand-ins for the tests, the simulator, the chaos run, and the generators of what is recorded."""
