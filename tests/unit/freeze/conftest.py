"""The modules beside the build script are imported as it imports them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "build"))
