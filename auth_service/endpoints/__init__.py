"""The machine-facing URLs, one file each. Requests are read only here, in `authorize` and in the pages.

Each endpoint parses a request, writes its response, and describes itself for the OpenAPI document. Plain
request handlers: no dependency injection and no models are involved in issuing a token (DESIGN D10).
"""
