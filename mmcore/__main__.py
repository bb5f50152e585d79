"""The command line: ``python -m mmcore models | pull | classify | caption | chat | bench | doctor``.

Results go to standard output alone; progress and refusals to standard error. A refusal is one sentence
and exit status 1; a wrong command line is 2.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from . import catalog, doctor, records
from .errors import InputError, StudioError, say
from .features.text import listed
from .settings import PROFILES, Settings
from .studio import Studio
from .terminal import Bar
from .types import Message, Progress, Sampling

FORMATS = ("srt", "vtt", "txt", "json")


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    args = _parser().parse_args(argv)
    try:
        studio = Studio(Settings.from_env(profile=args.profile))
        try:
            return args.run(studio, args) or 0
        finally:
            studio.close()
    except StudioError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output left, as ``| head`` does
        sys.stderr.close()
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mmcore", description="See, hear and answer, from a terminal.")
    parser.add_argument("--profile", choices=PROFILES, help="which models (default: MM_PROFILE, else auto)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _models_command(commands)
    _pull_command(commands)
    _classify_command(commands)
    _caption_command(commands)
    _chat_command(commands)
    _bench_command(commands)
    _command(commands, "doctor", _doctor, "check this machine")
    return parser


def _command(commands, name: str, run, help: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help)
    command.set_defaults(run=run)
    return command


def _choice(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", help="default: the best that fits")
    command.add_argument("--precision", default="", help="one of the model's; default: the best that fits")


def _models_command(commands) -> None:
    command = _command(commands, "models", _models, "list the models")
    command.add_argument("--json", action="store_true")


def _pull_command(commands) -> None:
    command = _command(commands, "pull", _pull, "download models for later")
    command.add_argument("names", nargs="+", metavar="NAME", help="'embedded' (what the defaults need) or models")


def _classify_command(commands) -> None:
    command = _command(commands, "classify", _classify, "say what images are")
    command.add_argument("images", nargs="+", metavar="IMAGE")
    command.add_argument("--labels", default="", help="comma-separated; without: the 1,000 ImageNet classes")
    command.add_argument("--text", default="", help="words that came with the image")
    command.add_argument("--text-weight", type=float, default=0.5, help="0: picture alone, 1: text alone")
    _choice(command)
    command.add_argument("--top", type=int, help="how many labels to show")
    command.add_argument("--json", action="store_true")


def _caption_command(commands) -> None:
    command = _command(commands, "caption", _caption, "describe a clip over time")
    command.add_argument("file", metavar="FILE")
    _choice(command)
    command.add_argument("--language", help="the language spoken (default: detected)")
    command.add_argument("--translate", action="store_true", help="into English")
    command.add_argument("--words", choices=("en", "zh"), default="en", help="language of scenes and summary")
    command.add_argument("--describer", default="", help="chat model that describes scenes, or none; default: the best")
    command.add_argument("--format", choices=FORMATS, help="default: by the name of OUT, else txt")
    command.add_argument("-o", "--out", metavar="OUT", help="write there instead of standard output")


def _chat_command(commands) -> None:
    defaults = Sampling()
    command = _command(commands, "chat", _chat, "ask, about files if you like")
    command.add_argument("prompt", metavar="PROMPT")
    command.add_argument("--file", action="append", default=[], metavar="F", help="image, audio or video; repeatable")
    _choice(command)
    command.add_argument("--max-tokens", type=int, default=defaults.max_tokens)
    command.add_argument("--temperature", type=float, default=defaults.temperature)
    command.add_argument("--seed", type=int)
    command.add_argument("--json", action="store_true")


def _bench_command(commands) -> None:
    command = _command(commands, "bench", _bench, "load models, try each for some seconds, and say what it took")
    command.add_argument("names", nargs="*", metavar="NAME", help="default: the profile's models whose files are here")
    command.add_argument("--precision", default="", help="one of the models'; default: the best that fits")
    command.add_argument("--json", action="store_true")


# -- commands


def _models(studio: Studio, args) -> None:
    for _ in studio.settle():
        pass
    rows = [records.model(spec) for spec in studio.models()]
    if args.json:
        _print_json(rows)
        return
    for row in rows:
        size_mb = row["download_bytes"] / 1e6
        download = f"{size_mb:.0f} MB" if size_mb else "comes with its package"
        print(f"{row['name']:20} {row['task']:14} {row['precision']:7} {download:>22}  {row['can']}")


def _pull(studio: Studio, args) -> None:
    files = studio.settings.models_file
    groups = {"embedded": [spec.name for spec in catalog.default_set("embedded", files)]}
    for name in itertools.chain.from_iterable(groups.get(name, [name]) for name in args.names):
        with Bar() as bar:
            studio.fetch(name, bar)
        print(f"{name}: ready", file=sys.stderr)


def _classify(studio: Studio, args) -> None:
    labels = listed(args.labels)
    results = []
    for image in args.images:
        options = {"text": args.text, "text_weight": args.text_weight, "top": args.top}
        choice = {"model": args.model, "precision": args.precision}
        result = _finish(studio.stream_classify(image, labels, **options, **choice))
        results.append(records.classification(result, file=image))
        if not args.json:
            _print_classification(results[-1])
    if args.json:
        _print_json(results)


def _print_classification(record: dict) -> None:
    print(record["file"])
    for label in record["labels"][:10]:
        print(f"  {label['probability']:6.1%}  {label['label']}")
    seen = ", ".join(f"{label['label']} {label['probability']:.0%}" for label in record["recognised"][:3])
    read = " | ".join(box["text"] for box in record["text_read"]) or "none"
    print(f"  recognised: {seen}; text read: {read}")
    print(f"  {record['model']}, {record['seconds']:.2f} s{'; not sure' if 'unsure' in record['flags'] else ''}")


def _caption(studio: Studio, args) -> None:
    from . import subtitles

    kind = args.format or _format_of(args.out)
    options = {"model": args.model, "language": args.language, "translate": args.translate, "words": args.words}
    options |= {"precision": args.precision, "describer": args.describer}
    result = _finish(studio.stream_caption(args.file, **options))
    for stage in result.stages:
        if stage.refusal:
            print(say(stage.refusal.code, **dict(stage.refusal.values)), file=sys.stderr)
    text = subtitles.write(result, kind)
    if args.out:
        _write(Path(args.out), text)
    else:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def _format_of(out: str | None) -> str:
    suffix = Path(out or "").suffix.lstrip(".").lower()
    return suffix if suffix in FORMATS else "txt"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InputError("not_written", name=path.name, reason=error.strerror or "error") from error


def _chat(studio: Studio, args) -> None:
    sampling = Sampling(max_tokens=args.max_tokens, temperature=args.temperature, seed=args.seed)
    message = Message("user", args.prompt, tuple(args.file))
    stream = studio.stream_chat((message,), model=args.model, precision=args.precision, sampling=sampling)
    if args.json:
        _print_json(records.reply(_finish(stream)))
        return
    shown = 0
    for reply in _results(stream):
        print(reply.text[shown:], end="", flush=True)
        shown = len(reply.text)
    print()
    smaller = ", what it was given was made smaller to fit" if "smaller_input" in reply.flags else ""
    rate = f"{reply.completion_tokens} tokens, {reply.tokens_per_s:.0f} tokens/s"
    print(f"({reply.model}, {rate}{smaller})", file=sys.stderr)


def _bench(studio: Studio, args) -> int:
    """One model after another, alone in memory. A refusal is told and the others go on; the status is then 1."""
    for _ in studio.settle():
        pass
    names = args.names or [spec.name for spec in studio.models() if studio.is_kept(spec.name)]
    found = []
    for name in names:
        try:
            with Bar() as bar:
                record = records.in_memory(studio.measure(name, bar, args.precision))
        except StudioError as refusal:
            print(refusal, file=sys.stderr)
            continue
        studio.unload(name)
        found.append(record)
        if not args.json:
            _print_measured(record, with_head=len(found) == 1)
    if args.json:
        _print_json(found)
    return 0 if len(found) == len(names) else 1


def _print_measured(record: dict, with_head: bool) -> None:
    """A row of the table: what was not measured is a dash."""
    row = "{:24} {:9} {:6} {:>8} {:>9}  {}"
    if with_head:
        print(row.format("model", "precision", "device", "load s", "peak MB", "rate"))
    seen = record["measured"]
    rate = f"{seen['rate']:.1f} {seen['unit']}" if seen["rate"] else "–"
    picture = f", first word about a picture after {seen['picture_s']:.1f} s" if seen["picture_s"] else ""
    peak = f"{seen['peak_bytes'] / 1e6:.0f}" if seen["peak_bytes"] else "–"
    where = (record["name"], record["precision"], record["device"], f"{record['load_s']:.2f}")
    others = "" if seen["alone"] else ", while other models worked"
    print(row.format(*where, peak, rate + picture + others), flush=True)


def _doctor(studio: Studio, args) -> int:
    checks = doctor.examine(studio)
    for check in checks:
        print(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.found}")
    return 0 if all(check.ok for check in checks) else 1


# -- output


def _results(stream: Iterator) -> Iterator:
    """The results of a stream; its progress goes to a bar on standard error."""
    with Bar() as bar:
        for update in stream:
            if isinstance(update, Progress):
                bar(update)
            else:
                bar.clear()
                yield update


def _finish(stream: Iterator):
    result = None
    for result in _results(stream):  # noqa: B007
        pass
    return result


def _print_json(value) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    print()


if __name__ == "__main__":
    sys.exit(main())
