"""Messages of the wave aggregate: migrations that are moved together, in the order of what depends on what."""
