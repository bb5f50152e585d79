"""Which kinds of models the installed transformers knows, without loading any."""

from __future__ import annotations


def native_types() -> frozenset[str]:
    """The ``model_type`` of every configuration class that comes with transformers."""
    from transformers import CONFIG_MAPPING

    return frozenset(CONFIG_MAPPING.keys())
