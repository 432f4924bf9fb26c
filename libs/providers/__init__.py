"""What can be moved: one folder a kind, all with the same five verbs."""
