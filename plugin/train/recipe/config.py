"""Every number that a training depends on, as one JSON file in its folder: equal settings give equal weights."""
import json
import os
from dataclasses import asdict, dataclass, field, fields


class Refused(Exception):
    """What is wrong and what to do, for a person: commands print it as one line and end with 1."""


# How the facts reach the network. llm: through the frozen language model, soft prompts learned; frozen: soft prompts stay at random; onehot: the
# facts themselves in place of a language model; none: the vision-only twin.
TEXTS = ("llm", "frozen", "onehot", "none")


@dataclass
class Grid:
    """Grid of the network, as the manifest says it."""
    # 480 x 480 x 320 mm: one window holds body, raised arms and couch, so that left and right are never a matter of where a window lies.
    spacing_mm: list = field(default_factory=lambda: [5.0, 5.0, 5.0])
    window: list = field(default_factory=lambda: [96, 96, 64])
    # Below -950 HU is air alone: the box of what is above it is the body on its couch, not the scanner's whole field.
    intensity: list = field(default_factory=lambda: [-950.0, 1000.0])
    # An overlap of a quarter suffices where a window nearly holds the chest.
    overlap: float = 0.25

    def preprocess(self):
        return {"orientation": "RAS", "spacing_mm": self.spacing_mm, "antialias": True,
                "intensity": {"window": self.intensity, "range": [0, 1], "clip": True},
                "crop_foreground": True, "pad_to_window": True, "rotate90": 0}

    def inference(self):
        return {"window": self.window, "overlap": self.overlap, "blend": "gaussian", "sigma_scale": 0.125}

    def manifest(self):
        """As much of a manifest as preprocess.py asks for."""
        return {"preprocess": self.preprocess(), "inference": self.inference()}


@dataclass
class Config:
    text: str = "llm"
    seed: int = 1
    patients: int = 400
    steps: int = 4500
    batch: int = 4
    rate: float = 4e-3
    # Of the text projections: they read long vectors, and at the full rate the first steps undo what they begin with.
    projection_rate: float = 4e-5
    text_rate: float = 1e-3
    decay: float = 1e-4
    warm_up: float = 0.05
    clip: float = 1.0
    features: int = 16
    prompts: int = 2
    length: int = 8
    # Soft prompts and <SEG> learn in the last steps, from this share of them on; before, every text is encoded once.
    tune_from: float = 0.85
    # Of the regression that text projections begin with: its share of the embeddings' mean square. More of it reads foreign words better, and
    # stages in the own words worse.
    ridge: float = 0.02
    # Chance of a field to be missing from a text; how many texts a patient has, and the chance of one to be in other words.
    drop: float = 0.12
    texts: int = 3
    paraphrase: float = 0.7
    # Chance of a mirrored patient with mirrored words. 0: the heart's side is what tells left from right where the window's edge does not.
    mirror: float = 0.0
    affine: float = 0.8
    grid: Grid = field(default_factory=Grid)

    def __post_init__(self):
        if isinstance(self.grid, dict):
            self.grid = Grid(**self.grid)
        if self.text not in TEXTS:
            raise Refused(f"text {self.text!r}: unknown (known: {', '.join(TEXTS)})")
        if self.features % 16 or self.features < 16:
            raise Refused(f"features {self.features}: the library takes multiples of 16")
        if any(n % 32 or n < 32 for n in self.grid.window):
            raise Refused(f"window {self.grid.window}: three multiples of 32")
        if max(self.grid.window) == 32:
            raise Refused("window 32 x 32 x 32: its deepest level is one voxel, which has no norm to learn with")
        if min(self.patients, self.steps, self.batch, self.texts) < 1:
            raise Refused("patients, steps, batch and texts: at least 1 each")

    def save(self, path):
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        known = {f.name for f in fields(cls)}
        if set(data) != known:
            raise Refused(f"{path}: settings of another version (not in both: {', '.join(sorted(set(data) ^ known))}); name a new folder")
        return cls(**data)


def write_json(path, value):
    """Whole or not at all."""
    part = f"{path}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")
    os.replace(part, path)


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def settle(folder, config):
    """Makes the training's folder and its config.json, or finds them there with the same settings."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "config.json")
    if os.path.exists(path):
        have, want = asdict(Config.load(path)), asdict(config)
        other = [name for name in want if want[name] != have[name]]
        if other:
            differing = ", ".join(f"{n}: {have[n]}, not {want[n]}" for n in other)
            raise Refused(f"{folder}: holds a training with other settings ({differing}); name a new folder")
    else:
        config.save(path)
