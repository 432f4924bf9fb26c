"""A live PostgreSQL database, moved by logical replication."""
