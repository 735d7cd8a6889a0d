"""The model's facts, the sentence, the device and the memory, as rows of a window: the module's and the Segment Editor effect's alike. Knows Qt,
and nothing of Slicer."""
import qt

from . import logic
from .logic import Problem


class Inputs:
    def __init__(self, add):
        """add(label, widget) puts a row into the window; an empty label: over the whole width."""
        self.bundle, self.fields = None, {}  #: bundle None: no proposal can be made, and `message` says why
        self.message = qt.QLabel()
        self.message.wordWrap = True
        add("", self.message)
        self.factsWidget = qt.QWidget()
        self.factsForm = qt.QFormLayout(self.factsWidget)
        add("", self.factsWidget)
        self.sentence = qt.QLineEdit()
        self.sentence.placeholderText = "or a sentence, for example: N1, cT2, breast conserving surgery, left side"
        add("Sentence:", self.sentence)
        self.deviceBox = qt.QComboBox()
        add("Device:", self.deviceBox)
        self.memoryBox = qt.QSpinBox()
        self.memoryBox.maximum = 1 << 20
        self.memoryBox.specialValueText = "what the device has"
        self.memoryBox.suffix = " MiB"
        add("Memory limit:", self.memoryBox)

    def read(self, open_session, folder):
        """Asks the command for devices and for the model in `folder`; where one is missing, the window says what to do. open_session() gives the
        Session; returns it, or None where it raised a Problem."""
        self.bundle, session = None, None
        try:
            session = open_session()
            environment = session.adapter.environment()
            self._fill_devices(logic.read_devices(session.command, environment))
            self.bundle = logic.read_bundle(session.command, folder, environment)
            self.message.text = f"{self.bundle.name} {self.bundle.version}: {self.bundle.intended_use}"
        except Problem as problem:
            self.message.text = problem.text + (f"\n({problem.detail})" if problem.detail else "")
        self._fill_facts()
        return session

    def _fill_devices(self, devices):
        chosen = self.deviceBox.currentData
        self.deviceBox.clear()
        self.deviceBox.addItem("automatic", "")
        for device in devices:
            self.deviceBox.addItem(f"{device['name']} ({device['type']})", device["uuid"])
        self.deviceBox.currentIndex = max(0, self.deviceBox.findData(chosen or ""))

    def _fill_facts(self):
        while self.factsForm.rowCount() > 0:
            self.factsForm.removeRow(0)
        self.fields = {}
        for name, values in (self.bundle.fields if self.bundle else {}).items():
            box = qt.QComboBox()
            box.addItem("choose", "")  # nothing is chosen for the physician
            for value in values:
                box.addItem(value, value)
            self.factsForm.addRow(name.replace("_", " ") + ":", box)
            self.fields[name] = box
        self.sentence.enabled = self.bundle is not None and self.bundle.has_text

    def _facts(self):
        """{} where a sentence is written or the model reads no text; Problem: a fact is not chosen."""
        if self.sentence.text.strip() or not self.bundle.has_text:
            return {}
        facts = {name: box.currentData for name, box in self.fields.items()}
        missing = [name.replace("_", " ") for name, value in facts.items() if not value]
        if missing or not facts:
            raise Problem(f"Choose the clinical facts first ({', '.join(missing) or 'as a sentence'}), or write a sentence.")
        return facts

    def request(self):
        """What Session.begin takes of it; Problem: a fact is not chosen."""
        return {"prompt": self.sentence.text, "facts": self._facts(), "device": self.deviceBox.currentData or "", "memory_mib": self.memoryBox.value}
