"""The HTTP edge: one table of routes from which routing, validation, authorisation and the OpenAPI document are made."""
