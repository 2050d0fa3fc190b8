"""The machine-facing URLs, one file each: the only place, with the pages, where a request is read.

Owns parsing a request and writing its answer, and describes itself for the OpenAPI document. Plain request
handlers: no dependency machinery and no model is on the way of a token (DESIGN D10).
"""
