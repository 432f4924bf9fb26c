"""A simulated machine with seeded failures."""
