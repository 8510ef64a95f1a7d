"""A program that reads, in a process of its own: `engines.py` starts this file with the Python that has the program.

Needs nothing but that program's packages. It does one task: `pages` (lines with text and polygons), `lines` (an image
of one line to its text) or `baselines`. It speaks JSON, one object a line. First, with the models loaded:

    {"name": "tesseract 5.3.0", "models": {"fra.traineddata": 1130365}, "note": "It is told …"}

with the sizes in bytes of the files of weights that the task needs. Then for each `{"image": PATH}` that it is sent

    {"lines": [{"text": "…", "polygon": [[x, y], …], "baseline": [[x, y], …]}], "peak": 93000000}

with lines in reading order, pixels of the image as it is seen, and the most bytes of memory held so far. Instead of
either `{"error": "…"}`, which ends it only if it comes first. For another program add a function to `PROGRAMS`.
"""

import argparse
import csv
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Read = Callable[[str], list[Line]]


@dataclass
class Program:
    """A program that is ready to read.

    Attributes:
        name: With its version.
        models: The files of weights that the task needs.
        read: The path of an image to its lines.
        note: What a reader of the tables should know.
        whose: Whose memory counts: this process's, or its children's if they do the work.
    """

    name: str
    models: Sequence[Path]
    read: Read
    note: str = ""
    whose: int = resource.RUSAGE_SELF


def manuscribe(options: argparse.Namespace) -> Program:
    """This package as it is by default; it is not told the language."""
    from manuscribe import Reader, __version__
    from manuscribe.images.opening import open_image
    from manuscribe.models.files import embedded_models
    from manuscribe.reading.options import ReadingOptions
    from manuscribe.reading.pages import PageReader
    from manuscribe.segmentation.segmenter import Segmenter

    name, threads = f"manuscribe {__version__}", options.threads
    files = {model.name: model.path for model in embedded_models()}
    finds, reads = [files["segmenter"]], [path for kind, path in files.items() if kind != "segmenter"]
    if options.task == "lines":
        lines = Reader("compact", threads=threads)
        return Program(name, reads, lambda image: _plain(lines.read_lines([image])))
    if options.task == "baselines":
        segmenter = Segmenter(threads=threads)
        return Program(name, finds, lambda image: _plain(segmenter.segment(open_image(Path(image))).lines))
    pages = PageReader(ReadingOptions(threads=threads))
    return Program(name, [*finds, *reads], lambda image: _plain(pages.read(Path(image)).pages[0].lines))


def tesseract(options: argparse.Namespace) -> Program:
    """Tesseract's own program, with the page segmentation that it takes by itself.

    Raises:
        RuntimeError: It is not installed, or not for this language.
    """
    wanted = options.language.split("+")
    remedy = f"Install it: apt-get install tesseract-ocr {' '.join(f'tesseract-ocr-{name}' for name in wanted)}"
    command = shutil.which("tesseract")
    if command is None:
        raise RuntimeError(f"There is no program named tesseract. {remedy}")

    def call(*arguments: str) -> str:
        return subprocess.run([command, *arguments], capture_output=True, text=True, check=True).stdout

    header, *installed = call("--list-langs").splitlines()
    if not set(wanted) <= set(installed):
        raise RuntimeError(f"Tesseract is not installed for the language '{options.language}'. {remedy}")
    folder = Path(re.findall('"(.*)"', header)[0])

    def read_page(image: str) -> list[Line]:
        return tesseract_lines(call(image, "-", "-l", options.language, "tsv"))

    def read_line(image: str) -> list[Line]:
        return [{"text": " ".join(call(image, "-", "-l", options.language, "--psm", "7").split())}]

    return Program(
        f"tesseract {call('--version').split()[1]}",
        [folder / f"{name}.traineddata" for name in wanted],
        {"pages": read_page, "lines": read_line}[options.task],
        f"Tesseract is told the language {options.language}; {1000 * _start(read_line):.0f} ms of its time go into "
        "starting its process, whose memory is counted.",
        resource.RUSAGE_CHILDREN,
    )


def tesseract_lines(table: str) -> list[Line]:
    """The lines of Tesseract's TSV output, their boxes as polygons; those without a word are left out."""
    boxes: dict[tuple[str, ...], tuple[int, ...]] = {}
    words: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        key = tuple(row[name] for name in ("block_num", "par_num", "line_num"))
        if row["level"] == "4":
            boxes[key] = tuple(int(row[name]) for name in ("left", "top", "width", "height"))
        elif row["level"] == "5" and (row["text"] or "").strip():
            words[key].append(row["text"])
    return [{"text": " ".join(words[key]), "polygon": _corners(*box)} for key, box in boxes.items() if words[key]]


def rapidocr(options: argparse.Namespace) -> Program:
    """RapidOCR with the models of its wheel and its defaults; a line goes straight to the recogniser."""
    from importlib.metadata import version

    import numpy as np
    import rapidocr as package

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": options.threads for kind in ("intra", "inter")}
    engine = package.RapidOCR(params={**threads, "Global.log_level": "error"})

    def read_page(image: Any) -> list[Line]:
        found = engine(image, use_det=True, use_cls=True, use_rec=True)
        if found.txts is None:
            return []
        return [{"text": text, "polygon": _points(box)} for text, box in zip(found.txts, found.boxes, strict=True)]

    def read_line(image: Any) -> list[Line]:
        return [{"text": text} for text in engine(image, use_det=False, use_cls=False, use_rec=True).txts or ()]

    # It loads each model when it is first used: the detector in a page without writing, the others in a line.
    blank = np.full((64, 256, 3), 255, np.uint8)
    if options.task == "pages":
        engine(blank, use_det=True, use_cls=True, use_rec=True)
    engine(blank, use_det=False, use_cls=options.task == "pages", use_rec=True)
    models = sorted((Path(package.__file__).parent / "models").glob("*.onnx"))
    return Program(
        f"rapidocr {version('rapidocr')}",
        models if options.task == "pages" else [model for model in models if "_rec_" in model.name],
        {"pages": read_page, "lines": read_line}[options.task],
    )


def kraken(options: argparse.Namespace) -> Program:
    """The segmenter of kraken with the model of its wheel; it only finds baselines."""
    from importlib.metadata import version
    from importlib.resources import files

    import torch
    from kraken.configs import SegmentationInferenceConfig
    from kraken.tasks import SegmentationTaskModel
    from PIL import Image, ImageOps

    torch.set_num_threads(options.threads)
    config = SegmentationInferenceConfig(accelerator="cpu", num_threads=options.threads)
    model = SegmentationTaskModel.load_model()

    def find(image: str) -> list[Line]:
        with Image.open(image) as opened:
            page = ImageOps.exif_transpose(opened).convert("RGB")
        found = model.predict(page, config).lines
        return [
            {"text": "", "baseline": _points(line.baseline), "polygon": _points(line.boundary[:-1])} for line in found
        ]

    return Program(f"kraken {version('kraken')}", [Path(str(files("kraken") / "blla.mlmodel"))], find)


PROGRAMS: dict[str, tuple[Callable[[argparse.Namespace], Program], tuple[str, ...]]] = {
    "manuscribe": (manuscribe, ("pages", "lines", "baselines")),
    "tesseract": (tesseract, ("pages", "lines")),
    "rapidocr": (rapidocr, ("pages", "lines")),
    "kraken": (kraken, ("baselines",)),
}
"""What gets each program ready, with the tasks that it can do."""


def main() -> None:
    """Get the program ready, then answer until there are no more questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("task")
    parser.add_argument("--language", default="fra", help="what Tesseract is told (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    prepare, tasks = PROGRAMS[options.program]
    if options.task not in tasks:
        parser.error(f"{options.program} cannot do {options.task}, only {', '.join(tasks)}")
    # What a program prints by itself must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    try:
        program = prepare(options)
    except Exception as error:  # noqa: BLE001  whatever a program raises is for the other side to judge
        say(_failure(error))
        return
    models = {model.name: model.stat().st_size for model in program.models}
    say({"name": program.name, "models": models, "note": program.note})
    for question in sys.stdin:
        say(_answer(program, json.loads(question)["image"]))


def _answer(program: Program, image: str) -> dict[str, Any]:
    try:
        return {"lines": program.read(image), "peak": peak(program.whose)}
    except Exception as error:  # noqa: BLE001  as above
        return _failure(error)


def _failure(error: Exception) -> dict[str, Any]:
    return {"error": " ".join(str(error).split()) or type(error).__name__}


def peak(whose: int) -> int:
    """The most bytes that this process, or any of its children, has held.

    Where Linux tells it of this process's own memory, that is taken: `getrusage` begins with the peak of the process
    that started this one.
    """
    status = Path("/proc/self/status")
    if whose == resource.RUSAGE_SELF and status.is_file():
        return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0])
    return resource.getrusage(whose).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _start(read: Read) -> float:
    """Least seconds that a program takes for an image with nothing in it."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        blank = Path(folder) / "blank.pgm"
        blank.write_bytes(b"P5 64 64 255\n" + b"\xff" * 64 * 64)
        for _ in range(5):
            started = time.perf_counter()
            read(str(blank))
            seconds.append(time.perf_counter() - started)
    return min(seconds)


def _plain(lines: Iterable[Any]) -> list[Line]:
    return [{"text": line.text, "polygon": _points(line.polygon), "baseline": _points(line.baseline)} for line in lines]


def _points(points: Iterable[Sequence[float]] | None) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in points] if points is not None else []


def _corners(left: int, top: int, width: int, height: int) -> list[list[float]]:
    right, bottom = left + width, top + height
    return _points([(left, top), (right, top), (right, bottom), (left, bottom)])


if __name__ == "__main__":
    main()
