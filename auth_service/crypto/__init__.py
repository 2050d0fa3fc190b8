"""The cryptography, each library behind one file: handles, passwords, keys.

Owns how secrets are made, derived, sealed and compared. Leaves to others what they stand for, and
signatures to `shared.jose`: both services need them.
"""
