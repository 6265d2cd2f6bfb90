"""`python -m tests.fuzz --mutations 1000000 --dangers 200000 --seed 4`: see docs/fuzzing.md."""

import argparse
import sys

from tests.fuzz import campaign, lost

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Mutated messages through admission.")
    parser.add_argument("--mutations", type=int, default=1_000_000, help="of any message: nothing false comes in")
    parser.add_argument("--dangers", type=int, default=200_000, help="of messages that say danger: no alarm is lost")
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    # Both, whatever the first finds.
    failed = [campaign.main(options.mutations, options.seed), lost.main(options.dangers, options.seed)]
    sys.exit(max(failed))
