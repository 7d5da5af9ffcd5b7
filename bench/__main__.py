"""`python -m bench`, the same as `defectbench`."""

import sys


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit code 2."""
    from bench.cli.app import run_app

    sys.exit(run_app())


if __name__ == "__main__":
    main()
