"""Random synthetic chests for the toy model: CT-like volumes and the breast of each side.

A chest is built from soft-edged shapes on the network's coarse grid (5 x 5 x 6 mm): an edge is a ramp about one voxel wide, which is
what antialiased resampling of a real CT gives. Coordinates are millimetres in RAS: x grows to the patient's right, y to the front, z
to the head. Nothing here is anatomy to rely on; it is only varied enough that a small network finds the same region on a real CT.
"""
import numpy
from scipy import ndimage

SPACING = (5.0, 5.0, 6.0)
# Large enough for every body; training cuts windows out of it.
SHAPE = (104, 80, 64)
EDGE = 5.0


def soft(distance):
    """Share of a voxel that lies inside, from its centre's distance to the edge (positive inside)."""
    return numpy.clip(0.5 + distance / EDGE, 0, 1)


class Chest:
    """hu: float32 [x, y, z]; left, right: bool masks of the two targets."""

    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.build()

    def between(self, low, high):
        return float(self.random.uniform(low, high))

    def chance(self, probability):
        return bool(self.random.random() < probability)

    def grid(self):
        axes = [(numpy.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE, SPACING)]
        x, y, z = numpy.meshgrid(*axes, indexing="ij", sparse=True)
        x = (x - self.between(-25, 25)).astype(numpy.float32)
        y = (y - self.between(-30, 30)).astype(numpy.float32)
        z = (z - self.between(-40, 40)).astype(numpy.float32)
        angle = numpy.deg2rad(self.between(-6, 6))
        x, y = numpy.cos(angle) * x - numpy.sin(angle) * y, numpy.sin(angle) * x + numpy.cos(angle) * y
        self.x, self.y, self.z = x, y, z + numpy.zeros_like(x)

    @staticmethod
    def oval(x, y, a, b, power):
        """Distance to a superellipse, roughly in mm."""
        r = (numpy.abs(x / a) ** power + numpy.abs(y / b) ** power) ** (1 / power) + 1e-3
        return (1 - r) / r * numpy.minimum(numpy.hypot(x, y) + 1, 200)

    @staticmethod
    def ellipsoid(x, y, z, a, b, c):
        r = numpy.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2) + 1e-3
        return (1 - r) * min(a, b, c)

    def put(self, share, hu):
        """Paints a shape; hu a number or an array."""
        self.hu += share * (hu - self.hu)

    def texture(self, blur):
        """Smooth random field of mean 0 and deviation 1."""
        field = ndimage.gaussian_filter(self.random.standard_normal(SHAPE).astype(numpy.float32), blur)
        return field / field.std()

    def build(self):
        self.grid()
        x, y, z = self.x, self.y, self.z
        self.a, self.b = self.between(125, 190), self.between(85, 130)
        self.power = self.between(2.1, 2.9)
        top = self.between(110, 150)
        # u: 0 in the chest, 1 at the neck; the shoulders taper to it, the abdomen may be wider or narrower than the chest.
        up = numpy.clip((z - top + 60) / 120, 0, 1)
        down = numpy.clip(-(z + 60) / 130, 0, 1)
        belly = self.between(-0.15, 0.12)
        a = self.a * (1 + self.between(-0.05, 0.12) * numpy.sin(numpy.pi * numpy.clip(up * 1.6, 0, 1)) - 0.55 * up**2 + belly * down)
        b = self.b * (1 - 0.45 * up**1.3 + (belly + self.between(-0.05, 0.15)) * down)
        self.fat_front, self.fat_side = self.between(4, 30), self.between(6, 38)
        back = self.between(0.3, 0.8)
        trunk = self.oval(x, y, a, b, self.power)
        self.shift = 0.5 * self.fat_front * (1 - back)
        muscle_a, muscle_b = a - self.fat_side, b - 0.5 * self.fat_front * (1 + back)
        muscle = self.oval(x, y + self.shift, numpy.maximum(muscle_a, 20), numpy.maximum(muscle_b, 20), self.power)
        self.top, self.muscle_a, self.muscle_b = top, muscle_a, muscle_b
        breasts = self.breasts()
        body = numpy.maximum(trunk, numpy.maximum(*breasts))
        body = numpy.maximum(body, self.arms())
        self.hu = numpy.full(SHAPE, -1000.0, numpy.float32)
        self.table()
        fat = -105 + self.between(-12, 12)
        tissue = self.between(25, 60)
        inside = soft(body)
        self.put(inside, fat + 8 * self.texture(1.2))
        self.gland(breasts)
        self.put(soft(muscle) * inside, tissue + 10 * self.texture(1.0))
        self.shoulder(tissue, inside)
        self.cage(tissue)
        # A few millimetres of skin: a thin shell, diluted by the voxel's size.
        skin = self.between(2, 4)
        self.put(inside * numpy.clip(1 - numpy.abs(body - 1.5) / EDGE, 0, 1) * skin / EDGE, 30.0)
        self.targets(breasts, body, muscle)
        self.disturb()

    def breasts(self):
        """Two domes on the front wall, each (distance); supine, so flat and towards the side and the feet."""
        self.dome = []
        reach = self.between(10, 75) if self.chance(0.85) else self.between(4, 12)
        angle, height = self.between(28, 55), self.between(-35, 35)
        size, tall = self.between(48, 85), self.between(50, 95)
        for side in (-1, 1):
            lateral = numpy.deg2rad(angle + self.between(-5, 5))
            out = max(3.0, reach * self.between(0.8, 1.2))
            # On the muscle's surface at this direction, in a mean slice.
            wall_a, wall_b = self.a - self.fat_side, self.b - 0.8 * self.fat_front
            cx, cy = side * wall_a * numpy.sin(lateral), wall_b * numpy.cos(lateral) - self.shift
            turn = side * lateral * self.between(0.5, 1.0)
            cz = height + self.between(-8, 8)
            dx, dy, dz = self.x - cx, self.y - cy, self.z - cz
            along, outward = numpy.cos(turn) * dx - numpy.sin(turn) * dy, numpy.sin(turn) * dx + numpy.cos(turn) * dy
            # The lower half is fuller than the upper one.
            dz = numpy.where(dz > 0, dz * self.between(0.7, 1.0), dz * self.between(1.0, 1.3))
            depth = out + 0.5 * (self.fat_front + self.fat_side)
            self.dome.append((along, outward, dz, size * self.between(0.9, 1.1), depth, tall * self.between(0.9, 1.1)))
        return [self.ellipsoid(*self.dome[i][:3], self.dome[i][3], self.dome[i][4], self.dome[i][5]) for i in (0, 1)]

    def gland(self, breasts):
        """Glandular tissue: random strands in the inner part, from almost none to dense."""
        density, strands = self.between(-0.6, 1.6), self.texture(self.between(0.9, 1.8))
        for distance, (along, outward, dz, size, depth, tall) in zip(breasts, self.dome):
            share = soft(distance - 8) * numpy.clip(0.5 + (strands - density), 0, 1)
            share = share * numpy.clip(1.4 - numpy.sqrt((along / size) ** 2 + (dz / tall) ** 2), 0, 1)
            self.put(share.astype(numpy.float32), self.between(0, 50))

    def arms(self):
        """Raised arms widen the top of the volume; hanging ones lie beside the body; often neither is in the picture."""
        kind = self.random.integers(0, 4)
        self.arm = None
        if kind == 0:
            return numpy.full((1, 1, 1), -1e3, numpy.float32)
        radius = self.between(38, 55)
        distance = None
        self.arm = []
        for side in (-1, 1):
            if kind == 2:
                d = radius - numpy.hypot(self.x - side * (self.a + radius + self.between(-12, 20)), self.y + self.between(-20, 30))
                d = numpy.minimum(d, self.top - self.z)
            else:
                # A capsule from the shoulder, outwards, upwards and often to the front.
                toward = numpy.array([side * self.between(0.1, 1.0), self.between(-0.3, 0.9), self.between(0.2, 1.0)])
                toward /= numpy.linalg.norm(toward)
                dx, dy = self.x - side * self.a * self.between(0.6, 0.85), self.y - self.between(-35, 25)
                dz = self.z - self.top + self.between(10, 60)
                along = numpy.clip(dx * toward[0] + dy * toward[1] + dz * toward[2], 0, 320)
                d = radius - numpy.sqrt((dx - along * toward[0]) ** 2 + (dy - along * toward[1]) ** 2 + (dz - along * toward[2]) ** 2)
            self.arm.append(d - radius)
            distance = d if distance is None else numpy.maximum(distance, d)
        self.arm_radius = radius
        return distance

    def shoulder(self, tissue, inside):
        """Muscle and bone of arms, shoulder blades and the muscles around the armpits."""
        for side in (-1, 1):
            if self.arm is not None:
                d = self.arm[0 if side < 0 else 1]
                self.put(soft(d + self.arm_radius - self.between(5, 16)) * inside, tissue)
                self.put(soft(d + self.between(9, 13)), self.between(300, 600))
            blade = self.ellipsoid(self.x - side * self.a * self.between(0.55, 0.7), self.y + self.b * self.between(0.45, 0.65),
                                   self.z - self.top + self.between(50, 80), 45, 22, 70)
            self.put(soft(blade) * inside, tissue)
            self.put(soft(blade - 15) * inside, self.between(100, 350))
            # The big muscles at the side of the chest and above the breast.
            back = self.ellipsoid(self.x - side * self.a * self.between(0.8, 0.92), self.y + self.b * self.between(0.0, 0.35),
                                  self.z - self.top + self.between(40, 110), self.between(14, 28), self.between(25, 50), 75)
            self.put(soft(back) * inside, tissue)
            pectoral = self.ellipsoid(self.x - side * self.a * self.between(0.4, 0.6), self.y - self.b * self.between(0.5, 0.75),
                                      self.z - self.top + self.between(30, 60), self.between(45, 70), self.between(10, 20), 45)
            self.put(soft(pectoral) * inside, tissue)

    def cage(self, tissue):
        """Ribs, lungs, heart, liver, spine, breastbone."""
        x, y, z = self.x, self.y, self.z
        wall = self.between(14, 30)
        narrow = numpy.clip((z - self.top + 90) / 110, 0, 1) ** 2
        inner_a = numpy.maximum(self.muscle_a - wall, 15) * (1 - 0.5 * narrow)
        inner_b = numpy.maximum(self.muscle_b - wall, 15) * (1 - 0.4 * narrow)
        inner = self.oval(x, y + self.shift + self.between(-6, 10), inner_a, inner_b, self.power - self.between(0, 0.3))
        inner = numpy.minimum(inner, (self.top + self.between(-30, 15) - z) * 0.8)
        # Ribs: slanting bands in a shell around the lungs.
        band = numpy.cos(2 * numpy.pi * (z - 0.35 * y + 0.1 * numpy.abs(x)) / self.between(24, 34))
        shell = numpy.clip(1 - numpy.abs(inner + self.between(4, 8)) / 9, 0, 1) * (z < self.top)
        self.put(shell * numpy.clip(band + 0.2, 0, 1), self.between(150, 450))
        self.put(soft(inner), tissue)
        middle = self.between(22, 38)
        lung_hu = self.between(-880, -720)
        for side in (-1, 1):
            floor = self.between(-110, -10) + (12 if side > 0 else 0)
            dome = floor + 45 * numpy.sqrt(numpy.clip(1 - ((x - side * self.a * 0.4) / 90) ** 2 - (y / 130) ** 2, 0, 1))
            lung = numpy.minimum(inner - self.between(0, 4), side * x - middle + 10 * numpy.abs(y) / self.b)
            lung = numpy.minimum(lung, (z - dome) * 0.8)
            self.put(soft(lung), lung_hu + 25 * self.texture(0.8))
            if self.chance(0.3):
                spot = self.ellipsoid(x - side * self.between(40, 90), y - self.between(-60, 40), z - self.between(-40, 90),
                                      *[self.between(12, 50) for _ in range(3)])
                self.put(soft(numpy.minimum(spot, inner)), tissue)
        heart = self.ellipsoid(x + self.between(15, 45), y - self.between(5, 40), z + self.between(-5, 60), self.between(48, 68),
                               self.between(38, 55), self.between(45, 65))
        self.put(soft(numpy.minimum(heart, inner)), tissue + self.between(-10, 130))
        self.put(soft(17 - numpy.hypot(x + self.between(5, 25), y + self.b * 0.35)) * (z < 60), tissue + self.between(0, 130))
        spine = numpy.hypot(x / 1.2, y + self.b * self.between(0.5, 0.62))
        self.put(soft(self.between(16, 22) - spine), self.between(150, 330))
        self.put(soft(9 - numpy.hypot(x, y + self.b * 0.72)), tissue)
        self.put(soft(numpy.minimum(12 - numpy.abs(x), 30 - numpy.abs(y + self.b * 0.8))), self.between(60, 250))
        front = self.muscle_b - self.shift
        breastbone = numpy.minimum(self.between(15, 24) - numpy.abs(x), 6 - numpy.abs(y - front + self.between(5, 14)))
        self.put(soft(breastbone) * (z > self.between(-60, -20)) * (z < self.top - 10), self.between(80, 280))
        if self.chance(0.7):
            self.put(soft(9 - numpy.hypot(x + self.between(-8, 8), y + self.b * 0.1)) * (z > 40), -950.0)

    def table(self):
        if self.chance(0.15):
            return
        height = -self.b * 1.02 - self.between(2, 25) + self.x**2 * self.between(0, 0.0012)
        thick, gap = self.between(15, 45), self.y - height
        self.put(soft(numpy.minimum(-gap, gap + thick)), self.between(-1000, -850))
        for edge in (0, thick):
            self.put(soft(self.between(1, 4) - numpy.abs(gap + edge)) * self.between(0.3, 1), self.between(-200, 200))

    def targets(self, breasts, body, muscle):
        """Breast tissue in front of the muscle, 5 mm under the skin and not beyond the dome's middle third in depth."""
        # The distance functions are rough far from an edge: the skin margin uses a true distance.
        depth = ndimage.distance_transform_edt(body > 0, sampling=SPACING)
        masks = []
        for side, distance in zip((-1, 1), breasts):
            masks.append((distance > -2) & (muscle < -1) & (depth > 5.0) & (self.y > -10) & (side * self.x > 8))
        self.left, self.right = masks

    def disturb(self):
        """Scanner and reconstruction: calibration, shading, blur, noise, a limited field of view."""
        body = self.hu > -700
        self.hu += body * (self.between(-20, 20) + self.between(0, 15) * self.texture(8))
        if self.chance(0.4):
            self.hu = ndimage.gaussian_filter(self.hu, [self.between(0, 0.6)] * 3)
        self.hu += self.between(2, 30) * self.random.standard_normal(SHAPE).astype(numpy.float32)
        if self.chance(0.3):
            self.hu += self.between(5, 25) * self.texture((self.between(0.5, 4), 0.5, 0.3))
        if self.chance(0.6):
            radius = self.between(170, 260)
            outside = numpy.hypot(self.x - self.between(-15, 15), self.y - self.between(-15, 15)) > radius
            self.hu[numpy.broadcast_to(outside, SHAPE)] = -1000.0 if self.chance(0.7) else -1024.0
            keep = ~numpy.broadcast_to(outside, SHAPE)
            self.left, self.right = self.left & keep, self.right & keep
        self.hu = self.hu.astype(numpy.float32)


def window(chest, size, random):
    """A random window as preprocessing would give it: (input in [0, 1], left, right), each [x, y, z] of `size`."""
    first = []
    for axis, want in enumerate(size):
        room = SHAPE[axis] - want
        if axis < 2:
            first.append(int(random.integers(max(0, room // 2 - 4), min(room, room // 2 + 4) + 1)))
        else:
            first.append(int(random.integers(0, room + 1)))
    part = tuple(slice(a, a + n) for a, n in zip(first, size))
    image = numpy.clip((chest.hu[part] + 1000) / 2000, 0, 1)
    left, right = chest.left[part].copy(), chest.right[part].copy()
    # A short scan: zeros at both ends, as padding to the window gives.
    if random.random() < 0.2:
        low, high = sorted(random.integers(0, size[2] // 3, 2))
        image[:, :, :low] = image[:, :, size[2] - high:] = 0
        for mask in (left, right):
            mask[:, :, :low] = mask[:, :, size[2] - high:] = False
    return image.astype(numpy.float32), left, right
