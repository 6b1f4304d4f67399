"""How often this machine's gates are wrong: the same function against itself and against slower versions of it."""
