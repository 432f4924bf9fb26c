"""A drill: a fleet of servers moved in waves on the stand-in cloud while everything is interrupted, judged from the log alone."""
