"""Run the `whimbrel` command: `whimbrel`, or `python -m libs.cli`."""

import os
import sys

from libs.cli.app import application
from libs.cli.errors import Exit


def main() -> None:
    """Run one command and exit; whatever goes wrong is said in one line."""
    try:
        application()()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has had enough; nothing further can be written, not even while Python shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    except Exception as error:
        if os.environ.get("WHIMBREL_DEBUG"):
            raise
        print(f"error: internal: {type(error).__name__}: {error}: see where with WHIMBREL_DEBUG=1", file=sys.stderr)
        sys.exit(Exit.INTERNAL)


if __name__ == "__main__":
    main()
