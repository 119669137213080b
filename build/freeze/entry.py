"""Where the frozen program begins."""

from sidecar.__main__ import main

main()
