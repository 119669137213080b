"""`python -m tests.soak`; see `run`, which processes started by it can import."""

import sys

from tests.soak.run import main

if __name__ == "__main__":
    sys.exit(main())
