"""AWS's protocols, bytes ⇄ dicts. Pure: nothing here opens a socket, a file of the user's, or the store."""
