"""mmcore: see, hear and answer with models loaded when they are first used.

from mmcore import Studio
studio = Studio()
studio.classify("photo.jpg", ["cat", "dog"])
studio.caption("clip.mp4").summary
studio.chat("Why is the sky blue?").text
"""

from .errors import InputError, ModelError, Stopped, StudioError, WeightsError
from .settings import Settings
from .studio import Studio
from .types import Caption, Classification, Message, Progress, Reply, Sampling, Segment, Status

__all__ = [
    "Caption",
    "Classification",
    "InputError",
    "Message",
    "ModelError",
    "Progress",
    "Reply",
    "Sampling",
    "Segment",
    "Settings",
    "Status",
    "Stopped",
    "Studio",
    "StudioError",
    "WeightsError",
]
