"""The worker that looks: inspects, plans, checks; and wakes what asked to be woken."""
