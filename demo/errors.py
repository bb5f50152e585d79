"""What a visitor reads when something fails: a refusal in its own words, a bug as one plain sentence."""

from __future__ import annotations

import logging

from mmcore.errors import StudioError

from .text import error_sentence, say

log = logging.getLogger(__name__)


def refusal_of(error: Exception, language: str) -> str:
    """A StudioError in the visitor's language. Anything else is a bug: logged in full, its trace not shown."""
    if isinstance(error, StudioError):
        return error_sentence(error, language)
    log.error("a bug, not a refusal", exc_info=error)
    return say(language, "error_bug")
