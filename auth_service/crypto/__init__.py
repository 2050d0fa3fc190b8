"""Cryptography, each library behind one file: handles, passwords, keys.

Owns how secrets are generated, derived, sealed and compared. Other packages decide what the secrets mean.
Signatures are in `shared.jose`, because both services need them.
"""
