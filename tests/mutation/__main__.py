"""Mutation testing of the kernels: `python -m tests.mutation`, or `make mutants`. See docs/mutation-testing.md."""

import argparse
import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.mutation.figures import equivalents, keep, kept, summary, without
from tests.mutation.modules import MODULES
from tests.mutation.mutants import Mutant, mutants_of, mutated
from tests.mutation.trial import Outcome, TestsFail, copied, preload, try_tests

PROJECT = Path(__file__).parent.parent.parent


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def try_module(copy: Path, name: str, sample: int, seed: int, keys: frozenset[str]) -> dict[str, Any]:
    """Try a sample of a module's mutants.

    Raises:
        TestsFail: the tests fail without any mutation.
    """
    path = copy / "rules" / "kinds" / f"{name}.py"
    source = path.read_text()
    there = mutants_of(source)
    for key in set(equivalents().get(name, {})) - {m.key for m in there}:
        _say(f"{name}: {key} is a mutant of code that has changed: take it out of equivalent.toml")
    chosen = [m for m in there if m.key in keys] if keys else there
    if 0 < sample < len(chosen):
        picked = set(random.Random(f"{seed} {name}").sample(range(len(chosen)), sample))
        chosen = [m for k, m in enumerate(chosen) if k in picked]
    if not chosen:
        return summary("", seed, len(there), [])
    sound = try_tests(copy, MODULES[name])
    if sound.outcome is not Outcome.SURVIVED:
        raise TestsFail(f"the tests of {name} fail without any mutation")
    reasons = equivalents().get(name, {})
    tried = list[tuple[Mutant, Outcome]]()
    for mutant in chosen:
        path.write_text(mutated(source, mutant))
        outcome, seconds = try_tests(copy, MODULES[name], 5 + 2 * sound.seconds)
        tried.append((mutant, outcome))
        known = " (equivalent)" if outcome is Outcome.SURVIVED and mutant.key in reasons else ""
        _say(
            f"{mutant.key} {outcome}{known} in {seconds:.1f} s: {name}.{mutant.function}, line {mutant.line}: "
            f"{mutant.before}  ->  {mutant.after}"
        )
    path.write_text(source)
    return summary(datetime.now(UTC).date().isoformat(), seed, len(there), tried)


def main() -> int:
    """Try the mutants that the command line asks for; 1 if any survived that nobody has looked at."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("module", nargs="*", default=list(MODULES), help="modules of rules/kinds; all by default")
    parser.add_argument("--sample", type=int, default=25, help="mutants of each module; 0 for all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--key", action="append", default=[], help="try this mutant only, and keep no figures")
    parser.add_argument("--survivors", action="store_true", help="try the survivors of the kept figures again")
    parser.add_argument("--keep", action="store_true", help="write the figures into the documentation")
    args = parser.parse_args()
    unknown = [name for name in args.module if name not in MODULES]
    if unknown:
        parser.error(f"no tests are named for {', '.join(unknown)}; there are {', '.join(MODULES)}")
    # Kernels as they are written: compiling each mutant would take longer than the tests.
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    preload()
    reasons, old, fresh = equivalents(), kept(), 0
    with copied(PROJECT) as copy:
        for name in args.module:
            keys = frozenset(args.key)
            if args.survivors:
                keys = frozenset(old.get(name, {}).get("survivors", {})) - set(reasons.get(name, {}))
                if not keys:
                    continue
            figures = try_module(copy, name, 0 if keys else args.sample, args.seed, keys)
            survivors = figures["survivors"]
            fresh += sum(key not in reasons.get(name, {}) for key in survivors)
            _say(f"{name}: {figures['killed']} of {figures['tried']} killed, {figures['timed_out']} timed out, "
                 f"{len(survivors)} survived")  # fmt: skip
            if args.keep and args.survivors:
                equal = {k: v for k, v in old[name]["survivors"].items() if k not in keys}
                keep({name: without(old[name], figures | {"survivors": equal | survivors})})
            elif args.keep and not args.key:
                keep({name: figures})
    return 1 if fresh else 0


if __name__ == "__main__":
    sys.exit(main())
