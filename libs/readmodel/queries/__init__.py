"""Questions to the read models, each a function of a snapshot. Every filter is backed by an index, every list is paged by key."""
