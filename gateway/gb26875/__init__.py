"""GB/T 26875.3-2011: frames of user information transmission units, and the server they connect to."""
