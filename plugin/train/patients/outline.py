"""Distances that everything else asks for: to the pleura, to the chest wall's muscles, to the skin. mm, positive inside, over the whole canvas."""
import numpy

from .shapes import bump, capsule, join, ramp

WALL = 12.0  # mm from the pleura to the ribs' outer face
FLAP = 7.0  # mm of skin and fat that a mastectomy leaves on the muscle


def true_distance(f, spacing):
    """f / |grad f|: a distance to the surface f = 0, good near it."""
    square = sum(numpy.square(g) for g in numpy.gradient(f, *map(float, spacing)))
    return f / numpy.sqrt(numpy.maximum(square, 0.05))


def tunnel(canvas, width, front, back, power):
    """A superellipse in every slice. width, front, back: mm at the canvas' z. -> (distance, gauge: 0 at the axis, 1 at the surface)."""
    x, y, _ = canvas.at()
    middle, half = ((front + back) / 2)[None, None, :], ((front - back) / 2)[None, None, :]
    width = width[None, None, :]
    gauge = ((numpy.abs(x) / width) ** power + (numpy.abs(y - middle) / half) ** power) ** (1 / power)
    return (1 - gauge) * numpy.minimum(width, half), gauge


class Outline:
    """pleura, skin (depth under the skin), wall (depth under the surface of the chest's muscles): float32 [x, y, z].

    turn: float32 [x, y, z], -1 at the back, 0 at the side, 1 at the front of the chest."""

    def __init__(self, canvas, body):
        self.canvas, self.body = canvas, body
        z = canvas.axes[2]
        width, front, back = body.cage(z)
        f, gauge = tunnel(canvas, width, front, back, 2.25)
        self.pleura = true_distance(f, canvas.spacing)
        # Above the apex of the lungs the profile ends.
        self.pleura = numpy.minimum(self.pleura, 130.0 - canvas.at()[2])
        half, middle = (front - back) / 2, (front + back) / 2
        self.turn = numpy.clip((canvas.at()[1] - middle) / half / numpy.maximum(gauge, 0.2), -1, 1)
        self.frames = {s: self.frame(s) for s in (-1, 1)}
        self.wall = self.pleura + WALL + self.thickness()
        self.skin = true_distance(self.trunk(), canvas.spacing)

    def thickness(self):
        """mm of muscle on the ribs: serratus and latissimus at the side, pectoralis major above and in front."""
        x, _, z = self.canvas.at()
        self.pectoral = self.body.muscle * 12 * ramp(self.turn, 0.05, 0.5) * bump(z, -28, 84, 34) * ramp(numpy.abs(x), 10, 30)
        self.serratus = self.body.muscle * 8 * bump(self.turn, -1.4, 0.45, 0.5) * bump(z, -150, 85, 60)
        return self.pectoral + self.serratus

    def frame(self, s):
        """A breast's own frame: (centre, unit vector along the wall to the side, unit vector out of it); mm."""
        breast, body = self.body.breasts[s], self.body
        width, front, back = (float(v[0]) for v in body.cage(numpy.array([breast.height])))
        width, half, middle = width + WALL + 6, (front - back) / 2 + WALL + 6, (front + back) / 2
        x = min(breast.lateral * body.wide, 0.85 * width)
        y = half * (1 - (x / width) ** 2.25) ** (1 / 2.25)
        slope = numpy.array([(x / width) ** 1.25 / width, (y / half) ** 1.25 / half])
        out = numpy.array([s * slope[0], slope[1], 0]) / numpy.linalg.norm(slope)
        along = numpy.array([s * out[1], -s * out[0], 0])
        return numpy.array([s * x, middle + y, breast.height]), along, out

    def breast_axes(self, s, box):
        """(along, out, up) of a box's voxels in the frame of side s; the breast sags to the side by its droop."""
        (cx, cy, cz), along, out = self.frames[s]
        x, y, z = self.canvas.at(box)
        x, y = x - cx, y - cy
        outward = out[0] * x + out[1] * y
        return along[0] * x + along[1] * y - self.body.breasts[s].droop * numpy.maximum(outward, 0), outward, z - cz

    def breast_box(self, s):
        return self.canvas.box((-s * 40, -60, -150), (s * 230, 200, 110))

    def footprint(self, s, box):
        """Gauge of a breast's base on the wall: 1 at its edge. The upper half runs out longer than the lower one."""
        breast = self.body.breasts[s]
        along, _, up = self.breast_axes(s, box)
        up = numpy.where(up > 0, up / 1.2, up / 0.85)
        return numpy.sqrt((along / (breast.along * 1.12)) ** 2 + (up / breast.tall) ** 2)

    def mound(self, s, box):
        """Distance to a breast's dome, a superquadric, and to its nipple."""
        breast = self.body.breasts[s]
        along, outward, up = self.breast_axes(s, box)
        up = numpy.where(up > 0, up / 1.2, up / 0.85)
        u, v, w = along / breast.along, outward / (breast.out + 6), up / breast.tall
        gauge = numpy.sqrt(u * u + v * v + w * w) + 1e-3
        nipple = 5 - numpy.sqrt(along**2 + (outward - breast.out - 5) ** 2 + (up + 6) ** 2)
        # Domes end near their base: behind it lies the chest.
        return numpy.minimum((1 - gauge) * min(breast.out + 6, breast.along), outward + 40), nipple

    def trunk(self):
        """The skin as one implicit surface: trunk, breasts or scars, arms."""
        canvas, body = self.canvas, self.body
        z = canvas.axes[2]
        f, _ = tunnel(canvas, *body.skin(z), 2.35)
        # Fat never gets thinner than a few mm on the chest.
        f = join(f, numpy.minimum(self.wall + 4, 118 - canvas.at()[2]), 4)
        for s in (-1, 1):
            box = self.breast_box(s)
            if body.breasts[s].missing:
                # The flap lies on the muscle: what stands out beyond it is gone.
                amount = 1 - ramp(self.footprint(s, box), 0.9, 1.6)
                f[box] -= amount * numpy.clip(f[box] - (self.wall[box] + FLAP), 0, 12 + body.fat_front + 0.5 * body.fat_side)
            else:
                dome, nipple = self.mound(s, box)
                f[box] = join(join(f[box], dome, 16), nipple, 3)
        for s in (-1, 1):
            shoulder = body.shoulder(s)
            end = shoulder + body.arms[s] * 320
            box = canvas.box((s * 50, -190, 20), (s * 235, 200, 205))
            f[box] = join(f[box], capsule(*canvas.at(box), shoulder - body.arms[s] * 20, end, body.arm_radius), 36)
        return f.astype(numpy.float32)
