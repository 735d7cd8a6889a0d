"""One woman: every measure that is drawn by chance, and the anchor points (mm) that shapes hang on. Nothing is painted here."""
import numpy

from .shapes import Field, profile

# Inner surface of the rib cage: (z, half width), (z, front), (z, back); mm, a woman of middle build.
CAGE_WIDTH = ((-190, 118), (-120, 121), (-80, 122), (-40, 121), (0, 116), (40, 105), (70, 88), (92, 70), (108, 50), (120, 30), (130, 6))
CAGE_FRONT = ((-190, 92), (-120, 95), (-80, 95), (-40, 92), (0, 83), (40, 69), (70, 55), (95, 38), (112, 24), (130, 2))
CAGE_BACK = ((-190, -84), (-120, -90), (-60, -98), (0, -102), (40, -99), (70, -92), (95, -80), (112, -68), (130, -45))
# The skin of the trunk without breasts, arms and fat.
SKIN_WIDTH = ((-190, 136), (-120, 139), (-60, 141), (0, 146), (50, 152), (80, 156), (100, 158), (114, 152), (126, 132), (138, 98), (152, 72),
              (170, 62), (210, 60))
SKIN_FRONT = ((-190, 108), (-120, 110), (-60, 112), (0, 104), (50, 86), (80, 72), (100, 58), (115, 46), (130, 38), (150, 33), (180, 40), (210, 52))
SKIN_BACK = ((-190, -125), (-120, -127), (-60, -131), (0, -135), (50, -135), (80, -130), (100, -122), (115, -113), (128, -105), (145, -97),
             (165, -91), (210, -84))
SPINE = ((-190, -66), (-120, -72), (-60, -79), (0, -82), (50, -79), (80, -72), (100, -63), (115, -55), (130, -47), (160, -38), (210, -34))


BOTH_FLAT = 0.5  # chance that after a mastectomy the other breast is missing too


class Breast:
    """A supine breast in a frame on the chest wall: along the wall to the side, out of it, and up. All mm but the flags."""

    def __init__(self, random, size, lateral, height, missing):
        self.along = 46 + 28 * size + random.normal(0, 2)
        self.out = max(14.0, 22 + 48 * size + random.normal(0, 4))
        self.tall = 56 + 30 * size + random.normal(0, 3)
        self.lateral = lateral + random.normal(0, 3)
        self.height = height + random.normal(0, 5)
        self.droop = float(numpy.clip(0.15 + 0.45 * size + random.normal(0, 0.1), 0, 0.8))
        self.missing = missing


class Body:
    """Seeded by (seed, part), so that a change in one part leaves the others as they were."""

    def __init__(self, seed, hospital, facts):
        """seed: list of whole numbers; hospital: Hospital; facts: Facts."""
        self.seed, self.facts = seed, facts
        random = self.random(1)
        self.build = float(numpy.clip(random.normal(*hospital.build), 0, 1.1))
        self.wide, self.deep = random.normal(1.0, 0.055) + 0.05 * self.build, random.normal(0.96, 0.05) + 0.06 * self.build
        self.muscle = random.uniform(0.75, 1.2)
        b = self.build
        self.fat_front, self.fat_side = 1 + 15 * b + random.uniform(0, 5), 2 + 36 * b + random.uniform(0, 8)
        self.fat_back = 1 + 13 * b + random.uniform(0, 4)
        self.belly = 4 + 60 * b * random.uniform(0.3, 1)
        self.contrast = random.uniform(0.5, 1.2) if random.random() < hospital.contrast else 0.0
        self.hospital = hospital
        self.draw_breasts(self.random(2))
        self.draw_arms(self.random(3))
        self.draw_organs(self.random(4))

    def random(self, part):
        return numpy.random.default_rng([*self.seed, 100, part])

    def field(self, part, scale, low, high):
        return Field(self.random(part), scale, low, high)

    def draw_breasts(self, random):
        """After a mastectomy the treated breast is missing; often the other one too (removed earlier or as a precaution)."""
        size = float(numpy.clip(random.normal(*self.hospital.breast) + 0.25 * (self.build - 0.4), 0.02, 1.15))
        lateral, height = 66 + 16 * size + random.normal(0, 3), random.uniform(-32, -8) - 10 * size
        flat, both = self.facts.surgery == "total mastectomy", random.random() < BOTH_FLAT
        # Two breasts of one woman differ anyway: a smaller one is no proof of surgery.
        uneven = random.normal(0, 0.06)
        self.breasts = {s: Breast(random, max(0.02, size + s * uneven), lateral, height, flat and (both or s in self.facts.treated)) for s in (-1, 1)}
        self.density = float(random.beta(1.6, 1.8))

    def draw_arms(self, random):
        """Raised arms: outwards, to the front, upwards. On the board they lie a little unlike each other."""
        out, front = random.uniform(*self.hospital.arms), random.uniform(-0.1, 0.45)
        self.arms, self.arm_radius = {}, 36 + 16 * self.build + random.uniform(0, 5)
        for s in (-1, 1):
            way = numpy.array([s * max(0.15, out + random.normal(0, 0.1)), front + random.normal(0, 0.08), 1.0])
            self.arms[s] = way / numpy.linalg.norm(way)

    def draw_organs(self, random):
        self.dome = {1: random.uniform(-62, -28), -1: 0.0}
        self.dome[-1] = self.dome[1] - random.uniform(5, 22)
        self.heart = random.uniform(0.88, 1.15)
        self.rib_pitch, self.rib_drop = random.uniform(22.5, 25.5), random.uniform(98, 118)
        self.calcified = random.uniform(0, 1)

    def shoulder(self, s):
        """Centre of the humerus' head."""
        return numpy.array([s * (126 + 8 * self.wide), -22.0, 117.0])

    def point(self, s, x, y, z):
        """An anchor of the middle build, widened with the cage. s: side."""
        return numpy.array([s * x * self.wide, y * self.deep, z], float)

    def cage(self, z):
        """Half width, front and back of the pleural space at z (array)."""
        return profile(z, CAGE_WIDTH) * self.wide, profile(z, CAGE_FRONT) * self.deep, profile(z, CAGE_BACK) * self.deep

    def skin(self, z):
        """Half width, front and back of the trunk's skin at z; fat and belly fade out towards the neck and the chest."""
        fat = numpy.interp(z, (-190, 90, 150, 210), (1.0, 1.0, 0.45, 0.3)).astype(numpy.float32)
        belly = (numpy.interp(z, (-190, -140, -60), (1.0, 0.8, 0.0)) * self.belly).astype(numpy.float32)
        bulk = 0.7 + 0.3 * self.wide
        return (profile(z, SKIN_WIDTH) * bulk + fat * self.fat_side + 0.4 * belly, profile(z, SKIN_FRONT) * self.deep + fat * self.fat_front + belly,
                profile(z, SKIN_BACK) * self.deep - fat * self.fat_back)

    def spine(self, z):
        """y of the vertebral bodies' centre."""
        return profile(z, SPINE) * self.deep

    def vein(self, s):
        """The large veins of one side: jugular junction, subclavian, axillary, to the arm; [points, 3]."""
        elbow = self.shoulder(s) + self.arms[s] * 40 + numpy.array([-s * 10, 12, 0])
        return numpy.array([self.point(s, 25, 22, 106), self.point(s, 48, 28, 108), self.point(s, 72, 26, 103), self.point(s, 95, 16, 96),
                            self.point(s, 116, 4, 97), elbow])

    def minor(self, s):
        """The axis of pectoralis minor: ribs 3 to 5 up to the coracoid process."""
        return self.point(s, 74, 70, 12), self.point(s, 84, 56, 55), self.point(s, 104, 16, 112)
