"""The cryptography, each library behind one file: handles, passwords, JOSE, keys.

Owns how secrets are made, derived, sealed and compared. Leaves to others what they stand for.
"""
