"""`python -m bench [NAME …]`: run the benchmarks and print one line per figure."""

import importlib
import pkgutil
import sys

import bench


def main() -> None:
    """Run the named benchmarks, all of them when none is named."""
    names = sys.argv[1:] or sorted(
        module.name
        for module in pkgutil.iter_modules(bench.__path__)
        if module.name[0] != "_" and not module.ispkg  # training has a command of its own
    )
    for name in names:
        module = importlib.import_module(f"bench.{name}")
        print(f"\n{name}: {(module.__doc__ or '').strip().splitlines()[0]}")
        for line in module.run():
            print(f"  {line}")


if __name__ == "__main__":
    main()
