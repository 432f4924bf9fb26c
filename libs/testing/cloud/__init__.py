"""A stand-in cloud: an HTTP server on loopback that speaks the protocols of the vendor's services, for tests and drills."""
