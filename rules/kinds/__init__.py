"""The kinds of rules: each a small file with its definition, its vector kernel, and a slow twin that checks it."""
