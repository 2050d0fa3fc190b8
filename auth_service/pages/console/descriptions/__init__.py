"""OpenAPI descriptions of the URLs of this package; the behavior is in the modules next to it."""
