"""`python -m pytest_cpuperf` is the `cpuperf` command."""

from pytest_cpuperf.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
