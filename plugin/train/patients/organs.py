"""Inside the rib cage: lungs with vessels and airways, mediastinum, heart, great vessels, what lies under the diaphragm."""
import numpy

from .shapes import curve, ellipsoid, join, line, ramp
from .tissue import Structure as S


def diaphragm(body, x, y):
    """z of the diaphragm, mm: a dome on each side, lower at the rim and at the back, saddled under the heart."""
    right, left = body.dome[1], body.dome[-1]
    side = ramp(x, -25, 25)
    top = left + (right - left) * side
    off = numpy.abs(x) - 58 * body.wide
    around = (numpy.maximum(off, -0.4 * off) / (70 * body.wide)) ** 2 + ((y - 12) / (105 * body.deep)) ** 2
    return top - 78 * numpy.clip(around, 0, 2.2) ** 1.2 + 6 * numpy.exp(-((x + 20) / 40) ** 2)


def mediastinum_distance(canvas, body, box):
    """The space between the lungs: heart with its fat, vessels, spine."""
    x, y, z = canvas.at(box)
    spine = body.spine(canvas.axes[2][box[2]])[None, None, :]
    bone = 24 - numpy.hypot(x, (y - spine) * 1.05)
    _, front, _ = body.cage(canvas.axes[2][box[2]])
    # A septum from the spine to the breastbone, thin in front of the aorta, wide at the great vessels and the hila.
    wide = line(z, (-160, -40, 10, 50, 80, 110, 140), (14, 10, 12, 24, 25, 26, 34))
    septum = wide * (1 - 0.4 * ramp(y, 0, 60) + 0.35 * ramp(y, front[None, None, :] - 22, front[None, None, :])) - numpy.abs(x + 3)
    heart, radii = heart_shape(body)
    f = join(join(bone, septum, 14), ellipsoid(x, y, z, heart, radii + 5), 12)
    aorta = 15 - numpy.hypot(x + 19, y - spine - 16)
    return join(f, numpy.minimum(aorta, 70 - z), 8)


def heart_shape(body):
    """(centre, radii) in mm: it lies on the diaphragm, two thirds to the left (x below 0)."""
    k = body.heart
    centre = numpy.array([-22.0 * body.wide, 28 * body.deep, body.dome[-1] + 46 * k + 8])
    return centre, numpy.array([60 * k, 50 * k * (0.5 + 0.5 * body.deep), 50 * k])


def thorax(canvas, body, outline, palette):
    """Fills the pleural space: abdomen below the diaphragm, lungs above it, mediastinal fat between."""
    low, high = (-170, -140, -185), (170, 135, 135)
    box = canvas.box(low, high)
    x, y, z = canvas.at(box)
    inside = outline.pleura[box]
    below = (diaphragm(body, x, y) - z) * 0.75
    canvas.blend(box, canvas.share(inside), palette["fat"] + 14, S.MEDIASTINUM)
    texture = canvas.field(body.field(40, 7, low, high), box)
    middle = mediastinum_distance(canvas, body, box) + 1.5 * texture
    lung = numpy.full(canvas.shape, -50, numpy.float32)
    lung[box] = numpy.minimum(numpy.minimum(inside - 1.0, -middle), -below - 3)
    # Dependent lung is denser: the patient lies on her back.
    gravity = numpy.clip(-0.35 * y, -20, 35)
    canvas.blend(box, canvas.share(lung[box]), palette["lung"] + gravity + 10 * texture, S.LUNG)
    abdomen(canvas, body, palette, numpy.minimum(inside, below), box)
    return lung


def abdomen(canvas, body, palette, distance, whole):
    """Liver on the right and across, spleen and stomach on the left, fat between them. distance: to the space under the diaphragm,
    in the box `whole`."""
    low, high = (-170, -140, -185), (170, 135, 0)
    box = canvas.box(low, high)
    x, y, z = canvas.at(box)
    space = distance[:, :, :box[2].stop - whole[2].start]
    random = body.random(41)
    canvas.paint(box, space, palette["fat"] + 5, S.ABDOMEN)
    canvas.paint(box, numpy.minimum(space, 3.5 - space), palette["muscle"], S.ABDOMEN)
    texture = canvas.field(body.field(42, 5, low, high), box)
    spine = body.spine(canvas.axes[2][box[2]])[None, None, :]
    behind = numpy.hypot(x, y - spine) - 34
    edge = x + 30 + 0.45 * (y - 30) + 0.25 * (z + 90) + 6 * texture
    canvas.paint(box, numpy.minimum(numpy.minimum(space - 2.5, edge * 0.8), behind), palette["liver"] + 5 * texture, S.LIVER)
    spleen = ellipsoid(x, y, z, (-92 * body.wide, -45, body.dome[-1] - 58), (30, 44, 46))
    canvas.paint(box, numpy.minimum(space - 3, spleen), palette["spleen"] + 4 * texture, S.ABDOMEN)
    centre = numpy.array([-58 * body.wide, 15, body.dome[-1] - 50 + random.uniform(-10, 10)])
    stomach = numpy.minimum(space - 5, ellipsoid(x, y, z, centre, numpy.array([42, 48, 44]) * random.uniform(0.7, 1.1)))
    # Gas rises to the front, the rest is food and water.
    gas = ramp(y, centre[1] + random.uniform(-15, 45), centre[1] + 50)
    canvas.paint(box, stomach, palette["muscle"], S.ABDOMEN)
    canvas.paint(box, stomach - 4, palette["stomach"] * (1 - gas) - 950 * gas + 8 * texture, S.ABDOMEN)
    for s in (-1, 1):
        kidney = ellipsoid(x, y, z, (s * 60, -52, -165 - 8 * s), (26, 27, 50))
        canvas.paint(box, numpy.minimum(space, kidney), palette["spleen"] - 15, S.ABDOMEN)


def heart(canvas, body, outline, palette):
    """Muscle around blood in four rough chambers, in a thin coat of fat (which the mediastinum gives)."""
    centre, radii = heart_shape(body)
    box = canvas.around(centre, max(radii) + 6)
    x, y, z = canvas.at(box)
    texture = canvas.field(body.field(43, 16, centre - radii - 8, centre + radii + 8), box)
    under = numpy.minimum(z - diaphragm(body, x, y) - 2, outline.pleura[box] - 4)
    muscle = numpy.minimum(ellipsoid(x, y, z, centre, radii) + 1.5 * texture, under)
    canvas.paint(box, muscle, palette["myocardium"], S.HEART)
    k = body.heart
    for offset, size in (((-24, 2, -6), (19, 17, 25)), ((6, 18, -4), (24, 14, 24)), ((26, -4, 4), (19, 19, 24)), ((-2, -24, 14), (26, 14, 18))):
        distance = numpy.minimum(muscle - 4, ellipsoid(x, y, z, centre + numpy.multiply(offset, k), numpy.multiply(size, k)))
        canvas.paint(box, distance, palette["blood"] + 3 * texture, S.HEART)
    # Fat in the grooves between the chambers.
    groove = numpy.minimum(3.5 - numpy.abs(0.55 * (x - centre[0] - 10) - 0.4 * (y - centre[1]) - 0.7 * (z - centre[2] - 12)), 9 - numpy.abs(muscle))
    canvas.paint(box, groove, palette["fat"] + 15, S.HEART)


def vessels(canvas, body, palette):
    """Aorta with its arch, pulmonary trunk and arteries, hollow veins, arteries and veins of neck and arms; mm."""
    blood, base = palette["blood"], heart_shape(body)[0]
    spine = float(body.spine(numpy.array([20.0]))[0])

    def tube(points, radius, brightness=1.0):
        path = curve(points, 6)
        ends = numpy.broadcast_to(radius, 2)
        canvas.tube(path, numpy.linspace(ends[0], ends[1], len(path)), palette["fat"] + (blood - palette["fat"]) * brightness, S.VESSEL)

    tube([base + (20, 12, 12), (12, 34, 40), (14, 30, 62), (4, 14, 80), (-12, -16, 82), (-20, spine + 18, 64), (-20, spine + 16, 20),
          (-17, spine + 16, -60), (-8, spine + 18, -130), (-2, spine + 22, -190)], (16, 11))
    tube([base + (0, 22, 24), (-16, 36, 46), (-14, 20, 56), (-30, -6, 55)], (15, 10))
    tube([(-14, 22, 53), (8, 4, 48), (34, -6, 42)], (12, 9))
    tube([base + (28, -6, 20), (25, 16, 42), (26, 18, 74), (25, 22, 88)], (10, 9))
    tube([base + (26, -22, -20), (26, -18, float(body.dome[1]) - 12), (22, -28, -140)], 10)
    tube([(25, 22, 88), (0, 34, 92), body.point(-1, 25, 22, 106)], 6.5)
    tube([(25, 22, 88), body.point(1, 25, 22, 106)], 6.5)
    for s in (-1, 1):
        vein, back = body.vein(s), numpy.array([0, -12, 5.0])
        tube(vein, (6.5, 4))
        tube([(s * 3, 6, 84), vein[0] + (-s * 6, -14, 0), *(vein[1:] + back)], (5, 3.2))
        tube([vein[0], body.point(s, 27, 10, 150), body.point(s, 30, 6, 204)], (6.5, 5))
        tube([(s * 8, 6, 84), body.point(s, 17, -2, 125), body.point(s, 20, -2, 204)], 4)
        # Internal mammary vessels behind the costal cartilages.
        tube(mammary(body, s), 1.6)


def mammary(body, s):
    """The internal mammary vessels of a side from the subclavian vein down, behind the ribs beside the breastbone; [points, 3]."""
    z = numpy.array([100.0, 85, 60, 30, 0, -30, -60])
    width, front, back = body.cage(z)
    x = numpy.interp(z, (-60, 60, 85, 100), (30, 27, 26, 27)) * (0.6 + 0.4 * body.wide)
    middle, half = (front + back) / 2, (front - back) / 2
    y = middle + half * (1 - numpy.minimum(x / width, 1) ** 2.25) ** (1 / 2.25) + 3.5
    return numpy.stack([s * x, y, z], axis=1)


def tubes_of_air(canvas, body, palette):
    """Trachea, main bronchi, oesophagus, thyroid."""
    spine = float(body.spine(numpy.array([60.0]))[0])
    path = curve([(0, 18, 204), (0, 10, 150), (2, 2, 105), (3, spine + 42, 58)], 6)
    canvas.tube(path, 10.5, palette["muscle"], S.AIRWAY)
    for s in (-1, 1):
        lobe = curve([body.point(s, 17, 14, 112), body.point(s, 18, 14, 128), body.point(s, 17, 14, 148)], 4)
        canvas.tube(lobe, (5, 7, 9, 9, 9, 8, 6, 5, 4), palette["thyroid"], S.THYROID)
    canvas.tube(path, 8.6, -985, S.AIRWAY)
    for s, drop in ((-1, 16), (1, 22)):
        bronchus = curve([path[-1], (s * 18, spine + 36, 46 - 0.2 * drop), (s * 34, spine + 30, 44 - drop)], 5)
        canvas.tube(bronchus, 7.5, palette["muscle"], S.AIRWAY)
        canvas.tube(bronchus, 6, -980, S.AIRWAY)
    gullet = curve([(-6, float(body.spine(numpy.array([z]))[0]) + 25, z) for z in (200, 150, 110, 60, 0, -60, -120)], 4)
    canvas.tube(gullet, 7, palette["oesophagus"], S.OESOPHAGUS)
