"""What a checker finds, by name, with a few examples each."""

from collections import Counter, defaultdict

LIMITS, LEAKED, FENCED, CALLBACKS, UNTOLD, STUCK, UNFIT = "limits", "leaked", "fenced", "callbacks", "untold", "stuck", "unfit"
NAMES = {
    LIMITS: "limits, calendars and order broken",
    LEAKED: "left in the cloud",
    FENCED: "sources left fenced, stopped or changed",
    CALLBACKS: "callbacks whose id came with another content, or whose event came under another id",
    UNTOLD: "ends that no callback told",
    STUCK: "servers neither completed nor rolled back",
    UNFIT: "requests that do not fit the vendor's models",
}
_EXAMPLES = 8


class Findings:
    """Anomalies, counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = defaultdict(list)

    def add(self, name: str, detail: str) -> None:
        """One more."""
        assert name in NAMES, name
        self.counts[name] += 1
        if len(self.examples[name]) < _EXAMPLES:
            self.examples[name].append(detail)

    @property
    def clean(self) -> bool:
        """Whether there is none."""
        return not self.counts
