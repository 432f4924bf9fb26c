"""A server, moved to EC2 by AWS Application Migration Service."""
