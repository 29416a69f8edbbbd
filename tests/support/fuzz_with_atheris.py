"""One target under libFuzzer, in a process of its own: it takes the process over.

python -m support.fuzz_with_atheris TARGET SHARED|- libFuzzer's arguments
"""

import logging
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bgptui"]):
    from support.fuzz_targets import TARGETS


def main() -> None:
    program, name, shared, *arguments = sys.argv
    target = TARGETS[name]
    logging.disable()
    folder = Path(arguments[0])
    for number, seed in enumerate(target.seeds(None if shared == "-" else Path(shared))):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([program, *arguments], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
