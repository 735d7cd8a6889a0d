"""Within the lungs: vessels, airways and, in some, a finding that has nothing to do with the target; seeded, mm."""
import numpy

from .shapes import capsule, ellipsoid
from .tissue import Structure as S

LEAF = 0.9  # mm, radius of the thinnest twig
FLUID, SPOT = 0.08, 0.15  # chances of a side


def tree(random, hilum, low, high, count):
    """A tree that fills a box: points by chance join the nearest branch, those near the hilum first; radii by Murray's law (r^3 adds up).

    low, high: the box' corners. -> [(start, end, radius)]"""
    points = random.uniform(low, high, (count, 3))
    points = points[numpy.argsort(numpy.linalg.norm(points - hilum, axis=1) * random.uniform(0.8, 1.2, count))]
    nodes, parent = [numpy.asarray(hilum, float)], [-1]
    for point in points:
        at = numpy.array(nodes)
        way = numpy.linalg.norm(at - point, axis=1) + 0.45 * numpy.linalg.norm(at - hilum, axis=1)
        near = int(numpy.argmin(way))
        bend = (nodes[near] + point) / 2 + random.normal(0, 0.1, 3) * numpy.linalg.norm(point - nodes[near])
        for new in (bend, point):
            nodes.append(new)
            parent.append(near)
            near = len(nodes) - 1
    flow = numpy.ones(len(nodes))
    for i in range(len(nodes) - 1, 0, -1):
        flow[parent[i]] += flow[i]
    radius = LEAF * (flow / 2) ** (1 / 3)
    return [(nodes[parent[i]], nodes[i], float(radius[i])) for i in range(1, len(nodes))]


def lung_box(body, s):
    return numpy.sort([[s * 25 * body.wide, -95 * body.deep, -95], [s * 118 * body.wide, 82 * body.deep, 118]], axis=0)


def paint(canvas, body, palette, lung):
    """Draws the vessels onto lung only. lung: distance, positive in it. A twig far thinner than a voxel leaves no trace on a coarse grid."""
    count = 150 if canvas.edge > 2.2 else 260
    for s in (-1, 1):
        findings(canvas, body, palette, lung, s)
        hilum = numpy.array([s * 30.0, -16 * body.deep, 40.0])
        # Arteries and veins: two trees, one a little lower.
        for part, drop in ((50, 0), (54, 22)):
            for start, end, radius in tree(body.random(part + s), hilum - (0, 0, drop), *lung_box(body, s), count // 2):
                twig(canvas, palette, lung, start, end, min(radius, 6.0))
        airways(canvas, body, lung, s)


def findings(canvas, body, palette, lung, s):
    """Fluid that lies at the back, or a part of the lung without air: a network must not take soft tissue in the chest for a sign."""
    random, (low, high) = body.random(64 + s), lung_box(body, s)
    fluid, spot = random.random(2)
    box = canvas.box(low - 15, high + 15)
    x, y, z = canvas.at(box)
    if fluid < FLUID:
        level = random.uniform(-85, -35) * body.deep - 0.25 * (z + 60)
        canvas.paint(box, numpy.minimum(level - y, lung[box]), palette["fluid"], S.FINDING)
    if spot < SPOT:
        distance = ellipsoid(x, y, z, random.uniform(low + 20, high - 20), random.uniform(5, 32, 3))
        canvas.paint(box, numpy.minimum(distance, lung[box]), random.uniform(-150, 45), S.FINDING)


def twig(canvas, palette, lung, start, end, radius):
    """One branch; it never fills a voxel that is wider than itself."""
    box = canvas.around([start, end], radius + canvas.edge)
    if min(part.stop - part.start for part in box) <= 0:
        return
    share = canvas.share(capsule(*canvas.at(box), start, end, radius)) * min(1.0, (2.2 * radius / canvas.edge) ** 2)
    share = share * canvas.share(lung[box])
    canvas.blend(box, share, palette["blood"], S.LUNG_VESSEL)


def airways(canvas, body, lung, s):
    """Bronchi near the hilum: a wall around air."""
    hilum = numpy.array([s * 32.0, -20 * body.deep, 34.0])
    for start, end, radius in tree(body.random(60 + s), hilum, *lung_box(body, s), 24):
        if radius < 1.1:
            continue
        box = canvas.around([start, end], radius + 3)
        near = numpy.minimum(capsule(*canvas.at(box), start, end, 1.3 * radius), lung[box] + 6)
        canvas.paint(box, near, -150, S.AIRWAY)
        canvas.paint(box, near - 1.2, -950, S.AIRWAY)
