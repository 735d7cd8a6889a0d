"""From "unreviewed" to accepted: who, when, what was edited. NumPy and the standard library only.

A proposal is unreviewed until a physician accepts it by name, and again once it is edited after that: the acceptance holds for the voxels
that were accepted, by their hash, and for no others."""
import datetime
import hashlib
import json
import os
import re
import uuid
from typing import Dict, Mapping, Optional

import numpy

from .logic import Problem

SCHEMA = "ctvk-review/1"
Masks = Mapping[str, numpy.ndarray]


def title(name: str, reviewer: str = "") -> str:
    return f"{name} (accepted by {reviewer})" if reviewer else f"{name} (unreviewed)"


def digest(masks: Masks) -> str:
    """Of the voxels of every segment, whatever their type and order."""
    total = hashlib.sha256()
    for name in sorted(masks):
        mask = numpy.asarray(masks[name]) != 0
        total.update(json.dumps([name, list(mask.shape)]).encode())
        total.update(numpy.packbits(mask, axis=None).tobytes())
    return total.hexdigest()


def compare(proposal: numpy.ndarray, accepted: numpy.ndarray, voxel_ml: float) -> Dict[str, Optional[float]]:
    """Volumes in ml and Dice = 2 |A and B| / (|A| + |B|); null where both are empty."""
    a, b, voxel_ml = numpy.asarray(proposal) != 0, numpy.asarray(accepted) != 0, float(voxel_ml)
    if a.shape != b.shape:
        raise Problem("The contour does not lie on the grid of the CT any more, so that it cannot be compared with the proposal.", f"{a.shape}, {b.shape}")
    both, sizes = int(numpy.count_nonzero(a & b)), (int(numpy.count_nonzero(a)), int(numpy.count_nonzero(b)))
    return {"proposal_ml": sizes[0] * voxel_ml, "accepted_ml": sizes[1] * voxel_ml, "added_ml": (sizes[1] - both) * voxel_ml,
            "removed_ml": (sizes[0] - both) * voxel_ml, "dice": 2 * both / sum(sizes) if sum(sizes) else None}


def accept(reviewer: str, proposal: Masks, accepted: Masks, voxel_ml: float, record: dict, now: Optional[datetime.datetime] = None) -> dict:
    """The record of an acceptance. proposal and accepted: masks by segment name on the CT's grid; record: the run's provenance. Problem: no
    name was given."""
    reviewer = " ".join(reviewer.split())
    if not reviewer:
        raise Problem("Please write your name: it is kept with the contour that you accept.")
    if not accepted:
        raise Problem("There is no contour to accept.")
    shape = next(iter(accepted.values())).shape
    segments = []
    for name in list(proposal) + [name for name in accepted if name not in proposal]:
        entry = {"name": name, **compare(proposal.get(name, numpy.zeros(shape)), accepted.get(name, numpy.zeros(shape)), voxel_ml)}
        entry.update(edited=entry["added_ml"] > 0 or entry["removed_ml"] > 0, proposed=name in proposal, kept=name in accepted)
        segments.append(entry)
    time = (now or datetime.datetime.now(datetime.timezone.utc)).astimezone(datetime.timezone.utc)
    return {"schema": SCHEMA, "status": "accepted", "reviewer": reviewer, "time": time.isoformat(timespec="seconds"),
            "edited": any(s["edited"] or not (s["proposed"] and s["kept"]) for s in segments), "segments": segments,
            "proposal_sha256": digest(proposal), "accepted_sha256": digest(accepted), "provenance": record}


def holds(review: Optional[dict], masks: Masks) -> bool:
    """The acceptance is of these very voxels."""
    return bool(review) and review.get("status") == "accepted" and review.get("accepted_sha256") == digest(masks)


def export_question(review: Optional[dict], masks: Masks) -> str:
    """What to ask before a contour leaves Slicer; "": nothing, it is accepted as it is."""
    if holds(review, masks):
        return ""
    if review:
        return ("This contour was changed after it was accepted. It is unreviewed.\n\nExport it all the same? Its name will say that it is unreviewed.")
    return ("No physician has accepted this contour. It is an unreviewed proposal of a computer program.\n\nExport it all the same? Its name will say "
            "that it is unreviewed.")


def write(review: dict, folder: str, stem: str) -> str:
    """Writes the record into a new file in the folder, whole or not at all; an earlier record is never replaced. Returns the path."""
    text = json.dumps(review, indent=2, ensure_ascii=False) + "\n"
    stem = re.sub(r"[^\w.-]+", "_", stem).strip("_") or "contour"
    staged = os.path.join(folder, f".ctvk-{uuid.uuid4().hex}.part")
    try:
        with open(staged, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        for number in range(1, 10000):
            path = os.path.join(folder, f"{stem}.review-{number}.json")
            try:
                os.link(staged, path)
                return path
            except FileExistsError:
                continue
            except OSError:  # a file system without links
                if not os.path.exists(path):
                    os.rename(staged, path)
                    return path
        raise Problem("The record cannot be written: there are too many beside the scene.", folder)
    except OSError as error:
        raise Problem("The record of your acceptance cannot be written, so the contour stays unreviewed. Save the scene in a folder that can be "
                      "written, and accept again.", str(error)) from error
    finally:
        if os.path.exists(staged):
            os.remove(staged)
