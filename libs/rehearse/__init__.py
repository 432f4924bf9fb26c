"""What would happen if: forks the log at a position and runs the deciders and policies that ship in virtual time (X3)."""
