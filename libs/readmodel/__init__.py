"""The read side: PostgreSQL rows folded from the log, and the questions they answer. Holds nothing that the log cannot rebuild (D4)."""
