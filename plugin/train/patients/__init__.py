"""Synthetic breast cancer patients: CT, target, anatomy, facts and prompts. Seeded; numpy and scipy only. See ../README.md."""
from .facts import Facts, draw_facts
from .patient import Patient, make_patient
from .prompts import write_prompt
from .tissue import Structure

__all__ = ["Facts", "Patient", "Structure", "draw_facts", "make_patient", "write_prompt"]
