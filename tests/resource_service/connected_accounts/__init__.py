"""Connected accounts, without a server."""
