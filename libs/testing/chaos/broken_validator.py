"""A validator that forgets: it starts with no states at all. The checker must catch it. `python -m libs.testing.chaos.broken_validator`."""

import sys
from collections.abc import Sequence

from libs.runtime.transaction import Output
from services.validator import __main__ as validator
from services.validator.restoring import Restorer
from services.validator.store import Store


class Forgetful(Restorer):
    """Restores nothing."""

    def restore(self, wanted: Sequence[tuple[Store, int]]) -> Output:
        """Claim that there was nothing to restore."""
        for store, partition in wanted:
            store.load(partition, {})
        return Output((), ())


if __name__ == "__main__":
    setattr(validator, "Restorer", Forgetful)  # noqa: B010 - the one deliberate break
    sys.exit(validator.main())
