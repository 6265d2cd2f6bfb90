"""`python -m mingluo` is the `mingluo` command."""

from mingluo.cli import main

main()
