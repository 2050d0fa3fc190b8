"""OpenAPI descriptions of the admin API, a file for each tag."""
