"""A reader in a process of its own, so that its memory and its time are its own: started by `processes`.

It speaks JSON, one object a line. It is sent a job, loads the reader, and says how long that took:

    {"reader": "compact", "options": {…}, "task": "lines", "peer": false, "languages": ["fr"]}
    {"seconds": 0.7}

Then it answers questions until there are no more. Of lines, whose images are files or base64, and of a page:

    {"images": [{"file": "a.png"}, {"data": "…"}]}
    {"texts": ["…", null], "unreadable": {"1": "why"}, "failed": {}, "seconds": 0.1, "peak": 93000000}

    {"page": "page.jpg"}
    {"lines": [{"text": "…", "polygon": [[x, y], …]}], "seconds": 2.5, "peak": 93000000}

Seconds are those of reading alone, not of opening images of lines; `peak` is the most bytes of memory held so far, null
where the system does not tell. Both answers also have the reader's `name`, `version` and `choices`. Instead of any
answer there may be `{"error": "…", "remedy": "…", "code": 4}`.
"""

import json
import os
import re
import sys
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manuscribe.errors import InputError, ManuscribeError
from manuscribe.evaluation.peers import make_peer
from manuscribe.images.opening import decode_image, open_image
from manuscribe.readers.protocol import LineReader, load_reader
from manuscribe.reading.finishing import finished
from manuscribe.reading.options import ReadingOptions

if TYPE_CHECKING:
    from manuscribe.reading.pages import PageReader

Answer = dict[str, Any]


def main() -> None:
    """Load the reader that the first line names, then answer the others."""
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: Answer) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    started = time.perf_counter()
    try:
        respond = _prepare(json.loads(sys.stdin.readline()))
    except Exception as error:  # noqa: BLE001  whatever a reader raises is for the other side to tell
        say(_failure(error))
        return
    say({"seconds": time.perf_counter() - started})
    for question in sys.stdin:
        try:
            say(respond(json.loads(question)))
        except Exception as error:  # noqa: BLE001  as above
            say(_failure(error))


def _prepare(job: dict[str, Any]) -> Callable[[dict[str, Any]], Answer]:
    """The reader, ready to answer questions."""
    given = {**job["options"], "level": "page"} if job["task"] == "pages" else job["options"]
    options = ReadingOptions(reader=job["reader"], **given)
    if job["task"] == "pages":
        # Not before: what the segmenter needs must not count as memory of a reader that reads lines.
        from manuscribe.reading.pages import PageReader

        pages = PageReader(options)
        return lambda question: _read_page(pages, Path(question["page"]))
    if job["peer"]:
        reader = make_peer(job["reader"], job["languages"], options.threads)
        options = options.model_copy(update={"lookalikes": False})  # peers read as they do elsewhere
    else:
        reader = load_reader(options.reader, options.for_reader())
    return lambda question: _read_lines(reader, question["images"], options, children=job["peer"])


def _identity(name: str, version: str, choices: Mapping[str, Any]) -> Answer:
    return {"name": name, "version": version, "choices": {key: str(choices[key]) for key in choices}}


def _read_lines(
    reader: LineReader, images: Sequence[dict[str, str]], options: ReadingOptions, *, children: bool
) -> Answer:
    opened: dict[int, Any] = {}
    unreadable: dict[int, str] = {}
    for number, image in enumerate(images):
        try:
            opened[number] = _open(image)
        except InputError as error:
            unreadable[number] = error.problem
    started = time.perf_counter()
    texts, failed = _texts(reader, opened, options)
    return {
        "seconds": time.perf_counter() - started,
        "texts": [texts.get(number) for number in range(len(images))],
        "unreadable": unreadable,
        "failed": failed,
        "peak": peak(children=children),
        **_identity(reader.name, reader.version, getattr(reader, "choices", {})),
    }


def _open(image: dict[str, str]) -> Any:
    return open_image(image["file"]) if "file" in image else decode_image(b64decode(image["data"]), "its image")


def _texts(
    reader: LineReader, opened: dict[int, Any], options: ReadingOptions
) -> tuple[dict[int, str], dict[int, str]]:
    """Texts by number, and why there is none; a line on which the reader fails must not cost its neighbours.

    They are those of `manuscribe read`, so that what is measured is what it gives.
    """
    if not opened:
        return {}, {}
    try:
        lines = reader.read(list(opened.values()))
    except Exception as error:  # noqa: BLE001  a reader's bug is told as its failure
        if len(opened) == 1:
            return {}, dict.fromkeys(opened, _said(error))
    else:
        return {number: finished(line, options).text for number, line in zip(opened, lines, strict=True)}, {}
    texts: dict[int, str] = {}
    failed: dict[int, str] = {}
    for number, image in opened.items():
        one, why = _texts(reader, {number: image}, options)
        texts |= one
        failed |= why
    return texts, failed


def _read_page(pages: "PageReader", path: Path) -> Answer:
    started = time.perf_counter()
    document = pages.read(path)
    seconds = time.perf_counter() - started
    lines = [
        {"text": line.text, "polygon": line.polygon, "id": line.id} for page in document.pages for line in page.lines
    ]
    recognition = document.provenance[-1]
    about = _identity(recognition.name, recognition.version, recognition.options)
    return {"lines": lines, "seconds": seconds, "peak": peak(children=False), **about}


def peak(*, children: bool) -> int | None:
    """The most bytes that this process has held, or with `children` the larger of it and any of its children.

    On Linux it is taken from the process's status: `getrusage` begins with the peak of the process that started it.
    """
    try:
        import resource
    except ImportError:  # not there on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    own = 1024 * int(found[1]) if found else unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) if children else own


def _failure(error: Exception) -> Answer:
    if isinstance(error, ManuscribeError):
        return {"error": error.problem, "remedy": error.remedy, "code": int(error.exit_code)}
    return {"error": _said(error), "remedy": "", "code": None}


def _said(error: Exception) -> str:
    if isinstance(error, ManuscribeError):
        return error.problem
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


if __name__ == "__main__":
    main()
