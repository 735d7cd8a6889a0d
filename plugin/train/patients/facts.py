"""The clinical facts of a case, as they stand in the referral, and how often each hospital sees them."""
from dataclasses import dataclass

SIDES = ("left", "right", "bilateral")
SURGERIES = ("breast conserving surgery", "total mastectomy")
STAGES = ("cT1", "cT2", "cT3", "cT4")
NODES = ("N0", "N1", "N2", "N3")

# Chances in the order of the tuples above. Rarer facts are made commoner than in life: a few hundred cases must teach all of them.
CHANCES = {
    "internal": {"side": (0.45, 0.45, 0.10), "surgery": (0.65, 0.35), "stage": (0.35, 0.30, 0.15, 0.20), "nodes": (0.35, 0.25, 0.20, 0.20)},
    "external": {"side": (0.45, 0.45, 0.10), "surgery": (0.50, 0.50), "stage": (0.20, 0.35, 0.20, 0.25), "nodes": (0.25, 0.25, 0.25, 0.25)},
}


@dataclass(frozen=True)
class Facts:
    """One patient's facts. bilateral: both sides, with the same surgery and stages."""

    side: str
    surgery: str
    stage: str
    nodes: str

    def __post_init__(self):
        for name, allowed in (("side", SIDES), ("surgery", SURGERIES), ("stage", STAGES), ("nodes", NODES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r}: unknown (known: {', '.join(allowed)})")

    @property
    def treated(self):
        """The treated sides as signs of x: -1 left, +1 right."""
        return {"left": (-1,), "right": (1,), "bilateral": (-1, 1)}[self.side]

    @property
    def node_level(self):
        """0 to 3."""
        return int(self.nodes[1])


def draw_facts(rng, hospital):
    """Facts by chance. rng: numpy Generator; hospital: "internal" or "external"."""
    chances = CHANCES[hospital]
    tables = (("side", SIDES), ("surgery", SURGERIES), ("stage", STAGES), ("nodes", NODES))
    return Facts(**{name: str(rng.choice(values, p=chances[name])) for name, values in tables})
