"""How the OpenAPI document describes the URLs of this package; the modules beside it hold the behavior."""
