"""Bones: ribs with their cartilage, breastbone, spine, collar bones, shoulder blades, the upper arms' heads. Cortex around marrow."""
import numpy

from .shapes import capsule, curve, ellipsoid, line, ramp
from .tissue import Structure as S

RIBS = 11


def bone(palette, distance, thickness, strength=1.0):
    """HU of a bone from the depth under its surface: cortex of `thickness` mm, marrow within."""
    inside = ramp(distance, thickness * 0.5, thickness * 1.5)
    return palette["cortex"] * strength * (1 - inside) + palette["marrow"] * inside


def rib_height(body, k, turn):
    """z (mm) of rib k, 0 the first, at `turn` (-1 back, 1 front): it falls from the spine, and its cartilage climbs to the breastbone."""
    drop = min(body.rib_drop, 24 + 18 * k)
    climb = min(70, 5 + 13 * k) * ramp(turn, 0.72, 1.0)
    return 113 - body.rib_pitch * k - drop * (0.5 + numpy.arcsin(turn) / numpy.pi) + climb


def ribs(canvas, body, outline, palette):
    """Bands in the shell around the pleura, worked out on that shell's voxels alone."""
    shell = numpy.nonzero((outline.pleura > -15) & (outline.pleura < 3) & (numpy.abs(canvas.at()[2]) < 184))
    depth, turn = outline.pleura[shell] + 6.3, outline.turn[shell]
    x, z = canvas.axes[0][shell[0]], canvas.axes[2][shell[2]]
    hu, code = canvas.hu[shell], canvas.code[shell]
    # Cartilage between the bone's end and the breastbone, calcified with age; the lowest two float.
    front = ramp(turn, 0.76, 0.84)
    soft = palette["cartilage"] + 120 * body.calcified * ramp(numpy.sin(x / 3.1 + z / 2.3), 0.2, 1)
    # They end beside the vertebrae.
    beside = ramp(numpy.abs(x), 19, 25) + (turn > 0)
    for k in range(RIBS):
        off = z - rib_height(body, k, turn)
        gauge = numpy.sqrt((depth / 4.9) ** 2 + (off / (7.4 + 0.1 * k)) ** 2)
        distance = (1 - gauge) * 4.9
        share = canvas.share(distance) * beside
        if k > 8:
            share = share * (1 - ramp(turn, 0.35 - 0.4 * (k - 9), 0.5 - 0.4 * (k - 9)))
        hu += share * (bone(palette, distance, 1.3) * (1 - front) + soft * front - hu)
        code[(share > 0.5) & (front <= 0.5)] = S.RIB
        code[(share > 0.5) & (front > 0.5)] = S.CARTILAGE
    canvas.hu[shell], canvas.code[shell] = hu, code


def sternum(canvas, body, palette):
    """A plate in front of the pleura: handle, body, xiphoid process."""
    box = canvas.box((-36, -10, -72), (36, 140, 104))
    x, y, z = canvas.at(box)
    _, front, _ = body.cage(canvas.axes[2][box[2]])
    half = line(z, (-66, -50, -10, 40, 62, 75, 100), (5, 12, 17, 14, 15, 24, 27)) * (0.6 + 0.4 * body.wide)
    gauge = ((numpy.abs(x) / half) ** 3 + (numpy.abs(y - front - 8.5) / 6) ** 3) ** (1 / 3)
    distance = numpy.minimum((1 - gauge) * 6, numpy.minimum(z + 66, 99 - z))
    canvas.paint(box, distance, bone(palette, distance, 1.0, 0.5), S.STERNUM)


def spine(canvas, body, palette):
    """Bodies and discs, arch, canal, processes; one vertebra every 23 to 26 mm."""
    box = canvas.box((-50, -190, -185), (50, 40, 205))
    x, y, z = canvas.at(box)
    centre = body.spine(canvas.axes[2][box[2]])[None, None, :]
    y = y - centre
    size = line(z, (-185, 0, 110, 205), (1.2, 1.05, 0.85, 0.62))
    phase = ((z + 12) / (body.rib_pitch + 0.8)) % 1.0 - 0.5
    # A waist in the middle of each body, a disc between two.
    round_ = 1 - 0.10 * numpy.cos(2 * numpy.pi * phase)
    body_d = (1 - numpy.sqrt((x / (18.5 * size * round_)) ** 2 + ((y - 0.5) / (15.5 * size * round_)) ** 2)) * 15 * size
    disc = ramp(numpy.abs(phase), 0.38, 0.44)
    hu = bone(palette, body_d, 1.0, 0.5) * (1 - disc) + palette["disc"] * disc
    hard = palette["cortex"] * 0.52
    # The arch with its roots, open between the levels; the laminae meet in the spinous process.
    level = ramp(numpy.cos(2 * numpy.pi * (phase - 0.05)), -0.7, 0.1)
    arch = 15.5 * size - numpy.hypot(x / 1.05, y + 21 * size)
    laminae = 6.5 - numpy.abs(numpy.abs(x) + 1.1 * (y + 36 * size)) * 0.7
    laminae = numpy.minimum(numpy.minimum(laminae, 15 - numpy.abs(x)), y + 42 * size)
    canvas.blend(box, canvas.share(numpy.maximum(arch, laminae)) * level, hard, S.VERTEBRA)
    reach = numpy.maximum(*(capsule(x, y, 0 * z, (s * 10, -19, 0), (s * 33, -29, 0), (6.5, 4.5)) for s in (-1, 1)))
    canvas.blend(box, canvas.share(reach) * ramp(numpy.cos(2 * numpy.pi * (phase - 0.1)), 0.0, 0.6), hard, S.VERTEBRA)
    blade = numpy.minimum(3.0 - numpy.abs(x) - 0.02 * (y + 40), numpy.minimum(-y - 30 * size, y + 55 * size))
    sloped = ((z + 12 - 0.7 * (y + 30)) / (body.rib_pitch + 0.8)) % 1.0 - 0.5
    canvas.blend(box, canvas.share(blade) * ramp(numpy.cos(2 * numpy.pi * sloped), -0.5, 0.1), hard, S.VERTEBRA)
    canvas.paint(box, body_d, hu, S.VERTEBRA)
    canal = (8.8 * (0.6 + 0.4 * size)) - numpy.hypot(x / 1.12, y + 22 * size)
    canvas.paint(box, canal, palette["cord"] - 20 * ramp(-canal, -4, 0), S.CANAL)


def clavicle(canvas, body, palette, s):
    shoulder = body.shoulder(s)
    path = curve([body.point(s, 18, 45, 101), body.point(s, 48, 47, 109), body.point(s, 82, 24, 122), shoulder + (-s * 12, -14, 24)], 8)
    radius = line(numpy.linspace(0, 1, len(path)), (0, 0.12, 0.5, 1), (9.5, 6.5, 5.2, 7.0))
    canvas.tube(path, radius, palette["cortex"] * 0.85, S.CLAVICLE)
    canvas.tube(path, numpy.maximum(radius - 2.2, 0.8), palette["marrow"] + 60, S.CLAVICLE)


def scapula_offset(turn):
    """mm from the pleura to the blade: it leaves the ribs towards the shoulder."""
    return 21 + 20 * ramp(turn, -0.9, -0.15)


def scapula(canvas, body, outline, palette, s):
    """A blade that leaves the chest wall towards the shoulder, its spine, and the socket. It turns outwards with the raised arm."""
    box = canvas.box((s * 25, -170, -30), (s * 190, 20, 122))
    x, y, z = canvas.at(box)
    turn, pleura = outline.turn[box], outline.pleura[box]
    offset = scapula_offset(turn)
    low = -22 + 120 * ramp(-turn, 0.45, 1.0) + 75 * ramp(turn, -0.4, 0.1)
    region = numpy.minimum(numpy.minimum((turn + 0.84) * 90, (-0.18 - turn) * 90), numpy.minimum((z - low) * 0.7, 104 - z))
    rim = 2.6 * ramp(-region, -9, 0)
    plate = numpy.minimum(numpy.minimum(1.9 + rim - numpy.abs(pleura + offset), region), outline.skin[box] - 9)
    canvas.paint(box, plate, palette["cortex"] * 0.62, S.SCAPULA)
    socket = body.shoulder(s) - numpy.array([s * 25, 10, 6])
    medial = body.point(s, 70, -112, 74)
    canvas.tube([medial, (medial + socket) / 2 + (0, -12, 8), body.shoulder(s) + (-s * 2, -26, 20)], (2, 3, 5), palette["cortex"] * 0.45, S.SCAPULA)
    box = canvas.around(socket, 26)
    distance = ellipsoid(*canvas.at(box), socket, (9, 13, 17))
    canvas.paint(box, distance, bone(palette, distance, 1.6, 0.6), S.SCAPULA)
    # The coracoid process, where pectoralis minor ends.
    canvas.tube([socket, body.minor(s)[-1] + (s * 6, 4, 2)], (7, 4.5), palette["cortex"] * 0.5, S.SCAPULA)


def humerus(canvas, body, palette, s):
    head, way = body.shoulder(s), body.arms[s]
    shaft = [head, head + way * 60, head + way * 300]
    canvas.tube(shaft, (17, 11.5, 11), palette["cortex"] * 1.05, S.HUMERUS)
    canvas.tube(shaft, (12, 6.5, 5.5), palette["marrow"] * 0.25, S.HUMERUS)
    box = canvas.around(head, 28)
    distance = ellipsoid(*canvas.at(box), head, (23, 23, 24))
    canvas.paint(box, distance, bone(palette, distance, 1.7, 0.8), S.HUMERUS)


def paint(canvas, body, outline, palette):
    ribs(canvas, body, outline, palette)
    sternum(canvas, body, palette)
    spine(canvas, body, palette)
    for s in (-1, 1):
        humerus(canvas, body, palette, s)
        scapula(canvas, body, outline, palette, s)
        clavicle(canvas, body, palette, s)
