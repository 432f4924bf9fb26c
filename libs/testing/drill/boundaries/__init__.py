"""Every boundary at which a crash could hit the rollback of a wave: driven one after another, the end compared each time."""
