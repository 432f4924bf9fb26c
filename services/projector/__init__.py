"""Folds the log into PostgreSQL: the read side's one writer."""
