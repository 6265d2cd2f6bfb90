"""`python -m tests.fuzz --mutations 1000000 --seed 4`: see docs/fuzzing.md."""

import argparse
import sys

from tests.fuzz.campaign import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Mutated messages through admission.")
    parser.add_argument("--mutations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    sys.exit(main(options.mutations, options.seed))
