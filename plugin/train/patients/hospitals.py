"""What differs between the two hospitals: patients, positioning, scanner. How their physicians write stands in prompts.py."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Hospital:
    """Ranges (low, high) are uniform; (mean, deviation) where said."""

    build: tuple  # mean and deviation of the build: 0 slender, 1 obese
    breast: tuple  # mean and deviation of the breast's size: 0 small, 1 large
    spacings: tuple  # mm, one of them a patient
    field_of_view: tuple  # mm across and front to back, (low, high): the shorter keeps arms and elbows out of the picture
    length: tuple  # mm from the lowest to the highest slice
    tilt: tuple  # degrees of the breast board: the chest's slope to the table
    roll: tuple  # degrees about the body's long axis, mean and deviation
    arms: tuple  # how far outwards the raised arms point, (low, high); small: along the head
    contrast: float  # chance of contrast medium
    noise: tuple  # HU at 1 x 1 x 3 mm in the middle of a slender body
    sharpness: tuple  # 0 soft kernel, 1 sharp kernel
    blur: tuple  # mm, deviation of the reconstruction's blur in the slice
    calibration: float  # HU, deviation of the scanner's offset
    couch: str  # "flat" (radiotherapy) or "curved" (diagnostic)


HOSPITALS = {
    "internal": Hospital(
        build=(0.35, 0.18), breast=(0.40, 0.22), spacings=((1.17, 1.17, 3.0), (1.0, 1.0, 3.0)), field_of_view=((440, 500), (350, 400)),
        length=(290, 320), tilt=(0, 5), roll=(0, 1.0), arms=(0.25, 0.7), contrast=0.15, noise=(8, 14), sharpness=(0.0, 0.25),
        blur=(0.6, 0.9), calibration=4, couch="flat"),
    "external": Hospital(
        build=(0.55, 0.22), breast=(0.55, 0.25), spacings=((0.98, 0.98, 5.0), (1.37, 1.37, 2.5), (0.98, 0.98, 3.0)),
        field_of_view=((400, 455), (320, 360)), length=(285, 315), tilt=(5, 13), roll=(0, 2.5), arms=(0.5, 1.2), contrast=0.5,
        noise=(16, 32), sharpness=(0.5, 1.0), blur=(0.3, 0.5), calibration=10, couch="curved"),
}
