"""Fat, skin, the muscles of chest, back, shoulder and neck, and lymph nodes."""
import numpy

from . import skeleton
from .shapes import bump, capsule, curve, ellipsoid, meet, ramp
from .tissue import Structure as S

ALL = (slice(None),) * 3
# Chances of large nodes: with N2 or N3, and without a reason that concerns the target.
SICK, REACTIVE = 0.15, 0.05


def fat_and_skin(canvas, body, outline, palette):
    """Everything within the skin is fat until something else is painted; thin septa make it uneven."""
    low, high = (-235, -190, -185), (235, 200, 205)
    texture = canvas.field(body.field(20, 9, low, high), ALL)
    canvas.paint(ALL, outline.skin, palette["fat"] + 5 * texture, S.FAT)
    thick = body.random(21).uniform(1.6, 2.6)
    layer = canvas.share(outline.skin) - canvas.share(outline.skin - thick)
    canvas.blend(ALL, layer, palette["skin"], None)
    canvas.code[(outline.skin > 0) & (outline.skin <= max(thick, 0.5 * canvas.edge))] = S.SKIN


class Muscles:
    """Paints muscles within the skin's fat; strands of fat between their fibres."""

    def __init__(self, canvas, body, outline, palette):
        self.canvas, self.body, self.outline, self.palette = canvas, body, outline, palette
        low, high = (-235, -190, -185), (235, 200, 205)
        self.strands = canvas.field(body.field(22, (14, 4, 16), low, high), ALL)
        # Fat that stays between the skin and any muscle.
        self.cover = 3.0 + 0.35 * min(body.fat_side, body.fat_back)

    def put(self, box, distance, code=S.MUSCLE, amount=1.0):
        distance = numpy.minimum(distance, self.outline.skin[box] - self.cover)
        strands = self.strands[box]
        share = self.canvas.share(distance) * amount * (1 - 0.6 * ramp(strands, 1.3, 2.4))
        self.canvas.blend(box, share, self.palette["muscle"] + 5 * strands, code)

    def bar(self, points, radius, flat=None, code=S.MUSCLE, outside=None):
        """A muscle along a polyline (flat as in shapes.capsule); outside: mm from the pleura that it keeps."""
        points = [numpy.asarray(p, float) for p in points]
        box = self.canvas.around(points, max(numpy.broadcast_to(radius, len(points))) + 3)
        x, y, z = self.canvas.at(box)
        radii = numpy.broadcast_to(radius, len(points))
        parts = [capsule(x, y, z, a, b, (r, q), flat) for a, b, r, q in zip(points, points[1:], radii, radii[1:])]
        distance = numpy.maximum.reduce(parts)
        if outside is not None:
            distance = numpy.minimum(distance, -self.outline.pleura[box] - outside)
        self.put(box, distance, code)


def chest_wall(m):
    """Intercostal muscles, and the layers on the ribs that the outline counts with."""
    pleura, wall, pectoral = m.outline.pleura, m.outline.wall, m.outline.pectoral
    z = m.canvas.at()[2]
    ring = numpy.minimum(-pleura, pleura + 12)
    m.put(ALL, numpy.minimum(ring, 122 - z), S.CHEST_WALL)
    # A thin plane of fat parts them.
    layer = numpy.minimum(numpy.minimum(wall, -pleura - 13.2), 112 - z)
    m.put(ALL, numpy.minimum(layer, 6 - 2 * pectoral), S.MUSCLE, ramp(m.outline.serratus, 0.5, 2.5))
    fan = m.canvas.box((-200, -40, -70), (200, 160, 112))
    m.put(fan, numpy.minimum(layer[fan], pectoral[fan] - 1.5), S.PECTORALIS_MAJOR)


def front(m, s):
    """Pectoralis major's fan to the arm, pectoralis minor under it with fat between."""
    body = m.body
    arm = body.shoulder(s) + body.arms[s] * 28 + numpy.array([-s * 10, 16, 0])
    k = 0.7 + 0.3 * body.muscle
    for start, width in ((body.point(s, 62, 70, 72), 24), (body.point(s, 84, 66, 34), 22)):
        middle = (start + arm) / 2 + numpy.array([s * 3, 8, -3])
        m.bar([start, middle, arm], (width * k, 19 * k, 13 * k), ((-s * 0.45, 0.85, -0.25), 2.6), S.PECTORALIS_MAJOR, outside=20)
    m.bar(body.minor(s), (17 * k, 14 * k, 7), ((s * 0.5, 0.85, 0.1), 3.4), S.PECTORALIS_MINOR, outside=12.5)


def shoulder(m, s):
    """Muscles around the blade (inside and outside of it), latissimus and teres to the arm, deltoid."""
    body, outline, canvas = m.body, m.outline, m.canvas
    box = canvas.box((s * 25, -180, -45), (s * 200, 30, 122))
    x, y, z = canvas.at(box)
    turn, pleura = outline.turn[box], outline.pleura[box]
    offset = skeleton.scapula_offset(turn)
    low = -30 + 120 * ramp(-turn, 0.45, 1.0) + 70 * ramp(turn, -0.4, 0.15)
    region = numpy.minimum(numpy.minimum((turn + 0.86) * 80, (-0.05 - turn) * 60), numpy.minimum((z - low) * 0.6, 108 - z))
    behind = 15 * body.muscle * bump(turn, -0.95, 0.1, 0.4)
    m.put(box, meet(numpy.minimum(-pleura - 14, pleura + offset - 2), region, 12))
    m.put(box, meet(numpy.minimum(-pleura - offset - 2, pleura + offset + behind), region, 14))
    head, k = body.shoulder(s), 0.65 + 0.35 * body.muscle
    insertion = head + body.arms[s] * 40 + numpy.array([-s * 4, -6, 0])
    m.bar([body.point(s, 122, -52, -45), body.point(s, 130, -52, 15), body.point(s, 134, -42, 66), insertion], numpy.array([10, 17, 21, 13]) * k,
          ((s * 0.7, 0.1, 0), 1.6), outside=15)
    m.bar([body.point(s, 118, -88, 40), body.point(s, 134, -58, 78), head + (0, -18, -4)], numpy.array([12, 17, 20]) * k, outside=17)
    m.bar([head + (-s * 18, -8, 24), head + (s * 10, -2, 12), head + body.arms[s] * 80 + (s * 6, 0, 0)], numpy.array([20, 31, 22]) * k)
    m.bar([head + body.arms[s] * 30, head + body.arms[s] * 300], numpy.array([27, 27]) * k)


def back_and_neck(m):
    """The long muscles beside the spine, trapezius and rhomboids, the muscles of the neck."""
    body, canvas = m.body, m.canvas
    z = numpy.array([-185.0, -100, -20, 60, 110, 150, 205])
    y = body.spine(z)
    for s in (-1, 1):
        radius = numpy.array([25, 24, 22, 19, 20, 22, 24]) * (0.7 + 0.3 * body.muscle)
        m.bar([(s * 26, c - 30, h) for c, h in zip(y, z)], radius, ((0, 1, 0), 1.35))
        top = body.shoulder(s) + numpy.array([-s * 6, -34, 14])
        for start, width in (((s * 5, float(y[5]) - 34, 168), 13), ((s * 6, float(y[4]) - 42, 112), 12), ((s * 6, float(y[3]) - 46, 45), 9)):
            m.bar([start, (numpy.asarray(start) + top) / 2 + (0, -10, 0), top], (width, width, 9), ((0, 1, 0.4), 1.8), outside=26)
        m.bar([(s * 14, 44, 98), (s * 30, 34, 150), (s * 46, -4, 206)], (6, 9, 10), ((s * 0.6, 0.8, 0), 1.4))
        m.bar([(s * 46, -8, 106), (s * 30, -16, 140), (s * 24, -22, 204)], (8, 9, 9))
        m.bar([(s * 40, -62, 108), (s * 34, -44, 150), (s * 32, -40, 204)], (12, 14, 14))
    m.bar([(0, float(y[4]) + 20, 108), (0, -12, 206)], 11, ((0, 1, 0), 1.6))


def nape(m):
    """The mass of muscle behind and beside the neck's spine, down between the shoulders."""
    canvas, body = m.canvas, m.body
    box = canvas.box((-110, -190, 88), (110, 40, 205))
    x, y, z = canvas.at(box)
    spine = body.spine(canvas.axes[2][box[2]])[None, None, :]
    wide = numpy.interp(z, (88, 120, 150, 205), (70, 66, 48, 44)).astype(numpy.float32)
    f = (1 - numpy.sqrt((x / wide) ** 2 + ((y - spine + 26) / 34) ** 2)) * 34
    m.put(box, meet(f, z - 92, 16), S.MUSCLE, ramp(m.strands[box], -1.6, -0.9))


def muscles(canvas, body, outline, palette):
    m = Muscles(canvas, body, outline, palette)
    chest_wall(m)
    nape(m)
    back_and_neck(m)
    for s in (-1, 1):
        shoulder(m, s)
        front(m, s)


def nodes(canvas, body, palette):
    """Lymph nodes along the veins and down the chest's side, on both sides alike; fat in a node's hilum makes a ring of it.

    Large ones are seen in few patients with N2 or N3, and now and then on either side in any patient."""
    random = body.random(25)
    draw, other = random.random(2)
    sick = body.facts.node_level >= 2 and draw < SICK
    large = body.facts.treated if sick else (1 if other < 0.5 else -1,) if draw > 1 - REACTIVE else ()
    for s in (-1, 1):
        path = curve(body.vein(s)[:-1], 8)
        low = [body.point(s, 118, 4, 80), body.point(s, 120, 6, 50), body.point(s, 122, 4, 15)]
        places = [path[i] + (0, -6, -9) for i in random.integers(4, len(path), 5)] + [low[i % 3] for i in random.integers(0, 3, 9)]
        for place in places:
            radii = random.uniform(2.0, 4.6, 3) * (1.2, 1.0, 1.3)
            node(canvas, palette, place + random.normal(0, 8, 3), radii, random.random() < 0.6)
        if s in large:
            for _ in range(random.integers(1, 4)):
                node(canvas, palette, low[0] + random.normal(0, 9, 3), random.uniform(6, 11, 3), False)


def node(canvas, palette, place, radii, hilum):
    box = canvas.around(place, max(radii) + canvas.edge)
    distance = ellipsoid(*canvas.at(box), place, radii)
    canvas.paint(box, distance, palette["node"], S.NODE, over=(S.FAT,))
    if hilum:
        canvas.paint(box, distance - 0.6 * min(radii), palette["fat"], None, over=(S.NODE,))
