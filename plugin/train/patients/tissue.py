"""Hounsfield units of tissues and the codes of structures.

HU are rounded from the CT numbers that Schneider, Bortfeld and Schlegel give for the ICRU tissues at 120 kV (Phys Med Biol 45:459-478, 2000:
adipose tissue about -100 to -60, mammary gland -40 to +40, muscle, heart and liver 40 to 60, skin 70, cartilage 100, spongiosa 100 to 300,
cortical bone up to 1500); inflated lung, mediastinal fat and contrasted blood as in chest CT readers' books. A patient moves each a little.
"""
import enum

HU = {
    "air": -1000, "lung": -850, "fat": -105, "skin": 30, "gland": 30, "muscle": 52, "cartilage": 105, "marrow": 170, "cortex": 820,
    "disc": 85, "cord": 32, "blood": 42, "myocardium": 46, "liver": 60, "spleen": 52, "stomach": 15, "thyroid": 105, "oesophagus": 38,
    "node": 35, "seroma": 12, "clip": 2400, "scar": 25, "fluid": 8,
}
# Contrast medium adds this to the blood in a venous phase, and part of it to organs.
CONTRAST = {"blood": 115, "myocardium": 65, "liver": 50, "spleen": 65, "node": 30, "thyroid": 50}


class Structure(enum.IntEnum):
    """What a voxel of `Patient.structures` mostly is. Fat is what lies within the skin and is nothing else."""

    AIR = 0
    FAT = 1
    SKIN = 2
    GLAND = 3
    MUSCLE = 4
    PECTORALIS_MAJOR = 5
    PECTORALIS_MINOR = 6
    CHEST_WALL = 7
    RIB = 8
    CARTILAGE = 9
    STERNUM = 10
    VERTEBRA = 11
    CANAL = 12
    CLAVICLE = 13
    SCAPULA = 14
    HUMERUS = 15
    LUNG = 16
    LUNG_VESSEL = 17
    AIRWAY = 18
    MEDIASTINUM = 19
    HEART = 20
    VESSEL = 21
    OESOPHAGUS = 22
    LIVER = 23
    ABDOMEN = 24
    NODE = 25
    SEROMA = 26
    CLIP = 27
    COUCH = 28
    THYROID = 29
    FINDING = 30  # fluid beside a lung, a consolidation in it


class Palette:
    """A patient's own HU: `palette["fat"]`."""

    def __init__(self, random, contrast):
        """contrast: 0 for none up to 1 for a full venous phase."""
        self.hu = {name: value + (random.normal(0, 4) if -900 < value < 300 else 0) for name, value in HU.items()}
        self.hu["marrow"] += random.normal(0, 35)
        self.hu["cortex"] += random.normal(0, 90)
        self.hu["lung"] += random.normal(0, 25)
        for name, more in CONTRAST.items():
            self.hu[name] += contrast * more

    def __getitem__(self, name):
        return self.hu[name]
