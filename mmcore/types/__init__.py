"""The nouns that cross a border. Frozen, with units in the names; they import nothing of ours.

Symbols used in shapes: N images, L labels, T texts or frames, D embedding width, C classes, S samples.
"""

from .answers import Caption, Classification, Label, Perception, Segment, TextBox, Word
from .chat import Delta, Medium, Message, Reply, Sampling, Usage
from .models import CONVERTED, TASKS, Loaded, Measured, ModelSpec, Plan, Precision, Status
from .sources import HubEntry, HubFacts, HubFile, HubSource, Reachability, WeightFile, WheelPart
from .steps import STAGES, Progress, Refusal, Report, Stage, ignore

__all__ = [
    "CONVERTED",
    "STAGES",
    "TASKS",
    "Caption",
    "Classification",
    "Delta",
    "HubEntry",
    "HubFacts",
    "HubFile",
    "HubSource",
    "Label",
    "Loaded",
    "Measured",
    "Medium",
    "Message",
    "ModelSpec",
    "Perception",
    "Plan",
    "Precision",
    "Progress",
    "Reachability",
    "Refusal",
    "Reply",
    "Report",
    "Sampling",
    "Segment",
    "Stage",
    "Status",
    "TextBox",
    "Usage",
    "WeightFile",
    "WheelPart",
    "Word",
    "ignore",
]
