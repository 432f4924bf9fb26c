"""Messages of the migration aggregate: plan, commands, events and the state record."""
