"""The work of one window: make a proposal, show it, accept it, export it. It knows Slicer only as the adapter that it is handed, so that it
runs in tests without Slicer."""
import json
import os
import shutil
import tempfile
import time
from typing import List, Optional

from . import review
from .logic import Bundle, Cancelled, Comparison, Problem, Proposal, Request, Run

RECORD, REVIEW, NAME = "ctvk.provenance", "ctvk.review", "ctvk.name"


class Session:
    """One run at a time. begin, then tick from a timer until it returns False."""

    def __init__(self, adapter, command: str):
        self.adapter, self.command = adapter, command
        self.run, self.bundle, self.ct, self.target, self.folder = None, None, None, None, ""
        self.before_show = lambda: None  #: called when the result is whole and the scene is about to change
        self.made: List[object] = []  #: the segmentations of the last run
        self.problem: Optional[Problem] = None

    @property
    def busy(self) -> bool:
        return self.run is not None

    def begin(self, ct, bundle: Bundle, compare: bool = False, target=None, **request) -> None:
        """request: prompt, facts, device, memory_mib, llm. target: a segmentation to add to; None: a new one."""
        if self.busy:
            raise Problem("A proposal is being computed. Wait for it, or cancel it.")
        if ct is None:
            raise Problem("Choose the CT first.")
        if compare and not bundle.has_text:
            raise Problem("This model reads no text, so there is nothing to compare.")
        self.folder = tempfile.mkdtemp(prefix="ctvk-")
        try:
            image = os.path.join(self.folder, "ct.nii.gz")
            self.adapter.save_volume(ct, image)
            wanted = Request(bundle.folder, image, **request)
            environment = self.adapter.environment()
            run = Comparison(self.command, bundle, wanted, environment) if compare else Run(self.command, wanted, environment)
            run.start()
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise Problem("The CT could not be handed to the program.", str(error)) from error
        except Problem:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.run, self.bundle, self.ct, self.target, self.made, self.problem = run, bundle, ct, target, [], None

    def tick(self) -> List[str]:
        """The lines that arrived. When the run is done its result is in the scene, or `problem` says why not, and `busy` is False."""
        lines = self.run.poll()
        if not self.run.done:
            return lines
        lines += self.run.poll()
        run, self.run = self.run, None
        try:
            result = run.result()
            proposals = result if isinstance(result, tuple) else (result,)
            try:
                if not all(self.adapter.present(node) for node in (self.ct, self.target) if node is not None):
                    raise Problem("The CT or the segmentation is not in the scene any more. The proposal was dropped.")
                self.before_show()
                for proposal, words in zip(proposals, ("", " without text")):
                    self.made.append(self._show(proposal, words))
            finally:
                for proposal in proposals:
                    proposal.close()
            self.adapter.show(self.ct, self.made)
        except (Problem, OSError) as error:
            problem = error if isinstance(error, Problem) else Problem("The proposal could not be shown.", str(error))
            # All or none: of two contours that cannot both be shown, none stays.
            for segmentation in self.made:
                if segmentation is not self.target:
                    self.adapter.remove(segmentation)
            self.made, self.problem = [], problem
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return lines

    def cancel(self) -> None:
        if self.run is not None:
            self.run.cancel()

    def close(self) -> None:
        """The window goes: ends a run that is under way and waits for its end, so that no copy of the CT stays on the disk."""
        run, self.run = self.run, None
        if run is None:
            return
        for each in getattr(run, "runs", [run]):
            each.GRACE = 3
        run.cancel()
        end = time.monotonic() + 10
        while not run.done and time.monotonic() < end:
            run.poll()
            time.sleep(0.02)
        try:
            result = run.result() if run.done else ()
            for proposal in result if isinstance(result, tuple) else (result,):
                proposal.close()
        except Problem:
            pass  # that it was cancelled
        shutil.rmtree(self.folder, ignore_errors=True)

    def _show(self, proposal: Proposal, words: str):
        name = f"{self.ct.GetName()}: {', '.join(label.name for label in self.bundle.labels)}{words}"
        return self.adapter.add_proposal(self.ct, proposal.label_path, self.bundle.labels, review.title(name),
                                         {NAME: name, RECORD: json.dumps(proposal.record), REVIEW: ""}, None if words else self.target)

    def state(self, segmentation) -> str:
        """"accepted" or "unreviewed"; brings the name of the segmentation in line with it."""
        accepted = self._review(segmentation)
        good = review.holds(accepted, self.adapter.masks(segmentation))
        name = self.adapter.attribute(segmentation, NAME) or segmentation.GetName()
        segmentation.SetName(review.title(name, accepted["reviewer"] if good else ""))
        return "accepted" if good else "unreviewed"

    def _review(self, segmentation) -> Optional[dict]:
        text = self.adapter.attribute(segmentation, REVIEW)
        return json.loads(text) if text else None

    def accept(self, segmentation, reviewer: str) -> str:
        """Writes the record beside the scene and marks the contour; returns the record's path. Problem: no name, no saved scene, no proposal."""
        record = self.adapter.attribute(segmentation, RECORD)
        proposal = self.adapter.proposal_masks(segmentation)
        if not record or proposal is None:
            raise Problem("This contour was not proposed by this module, or its CT is not in the scene any more.")
        folder, stem = self.adapter.scene_place()
        if not folder:
            raise Problem("Save the scene first: the record of your acceptance is written beside it.")
        accepted = review.accept(reviewer, proposal, self.adapter.masks(segmentation), self.adapter.voxel_ml(segmentation),
                                 json.loads(record))
        path = review.write(accepted, folder, f"{stem}.{self.adapter.attribute(segmentation, NAME)}")
        self.adapter.set_attribute(segmentation, REVIEW, json.dumps(accepted))
        self.state(segmentation)
        return path

    def export(self, segmentation, path: str) -> bool:
        """Writes the contour as a label map; asks first where it is unreviewed. False: the user said no."""
        if self.adapter.proposal_masks(segmentation) is None:
            raise Problem("This contour was not proposed by this module, or its CT is not in the scene any more.")
        question = review.export_question(self._review(segmentation), self.adapter.masks(segmentation))
        if question and not self.adapter.ask(question):
            return False
        base = os.path.basename(path)
        if question and "unreviewed" not in base:
            path = os.path.join(os.path.dirname(path), "unreviewed_" + base)
        self.state(segmentation)
        try:
            self.adapter.export(segmentation, path)
        except OSError as error:
            raise Problem("The contour could not be written.", str(error)) from error
        return True


__all__ = ["Session", "Cancelled", "Problem", "RECORD", "REVIEW", "NAME"]
