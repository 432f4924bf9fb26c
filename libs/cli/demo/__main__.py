"""Run the demonstration: `python -m libs.cli.demo`."""

import os
import sys
import time

from pydantic import ValidationError

from libs.cli.demo.settings import DemoSettings
from libs.cli.demo.stage import demonstrate
from libs.cli.errors import Exit
from libs.cli.output import say


def main() -> int:
    """Exit codes as those of `whimbrel`: 0 when every figure is as promised, 1 when one is not."""
    began = time.monotonic()
    try:
        return demonstrate(DemoSettings(), began)
    except ValidationError as error:
        first = error.errors()[0]
        say(f"error: WHIMBREL_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}")
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:
        if os.environ.get("WHIMBREL_DEBUG"):
            raise
        say(f"error: internal: {type(error).__name__}: {error}: see where with WHIMBREL_DEBUG=1")
        return Exit.INTERNAL


if __name__ == "__main__":
    sys.exit(main())
