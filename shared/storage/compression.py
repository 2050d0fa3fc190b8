"""Short documents, compressed with the member names and values that most of them share (RFC 1951).

A live grant is kept for months, and most of its bytes are the same as those of all others. A compressed
document begins with a byte that JSON cannot begin with. Raw DEFLATE data with a preset dictionary follows.
"""

from __future__ import annotations

import zlib

_MARK = b"\xd0"
"""Stands for the dictionary, which never changes: another gets another byte. Sealed values begin with 1."""

_DICTIONARY = (
    b'"registration_token_hash":"","registered_from":"","secret_hash":"","software_id":"","software_version":"'
    b'","jwks_uri":"https://","logo_uri":"https://","client_uri":"https://","token_endpoint_auth_method":"client_'
    b'secret_basic","client_secret_post","none","grant_types":["authorization_code","refresh_token"],"response_types'
    b'":["code"],"client_name":"Claude","redirect_uris":["https://claude.ai/api/mcp/auth_callback"],"http://127.0.'
    b'0.1:"http://localhost:","approvals":[{"redirect_uri":"","instance":"","epoch":0,"session_id":"'
    b'"disabled":true,"previous_secret_until":0,"parent_grants":["state":"revoked","ancestors":["","id_token_claims"'
    b':["userinfo_claims":["offline_access","email","profile","openid","source":{"network":"/64","network":"/32","'
    b'browser":"Firefox on Linux","Safari on iOS","Chrome on Windows","Chrome on macOS","Unknown browser"}}'
    b'"amr":["pwd","otp","mfa","used_at":18,"unconfirmed_since":18,"redeemed_at":18,"session_key":"","access_'
    b'expires_at":18,"refresh_expires_at":18,"issued_at":18,"generation":1,"refreshable":true,"code_challenge":"",'
    b'"redirect_uri":"http://localhost:/callback","auth_time":18,"session_id":"","username":"","subject":"",'
    b'"resource":"https://mcp","state":"active","created_at":18,"expires_at":18,"scopes":["read","write"],'
    b'{"v":1,"grant_id":"","client_id":"'
)
"""The most frequent strings come last, where a reference to them takes fewer bits."""

_LEVEL, _WINDOW, _MEMORY = 3, -11, 4
"""Raw DEFLATE with a window that holds the dictionary; other levels save a percent of the bytes."""

_MAX_BYTES = 4_194_304


def compress(document: bytes) -> bytes:
    """Compress a JSON document."""
    compressor = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY
    )
    return _MARK + compressor.compress(document) + compressor.flush()


def expand(value: bytes) -> bytes:
    """Return the JSON document in a stored value, which may be compressed.

    Raises:
        ValueError: it is compressed, but not whole, or larger than any document.
    """
    if not value.startswith(_MARK):
        return value
    decompressor = zlib.decompressobj(_WINDOW, _DICTIONARY)
    try:
        document = decompressor.decompress(value[len(_MARK) :], _MAX_BYTES)
    except zlib.error as error:
        raise ValueError(f"the compressed document is damaged: {error}") from error
    if not decompressor.eof or decompressor.unused_data:
        raise ValueError("the compressed document is damaged")
    return document
