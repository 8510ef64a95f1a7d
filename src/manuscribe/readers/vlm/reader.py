"""Reads words, lines, paragraphs and pages with a vision-language model, here or at an endpoint."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from manuscribe.document import Line
from manuscribe.engines.gpu import require_gpu
from manuscribe.errors import UsageError
from manuscribe.extras import needs
from manuscribe.readers.options import ReaderOptions
from manuscribe.readers.trocr.guards import REPETITION, TRUNCATED
from manuscribe.readers.trust.signals import Signals
from manuscribe.readers.vlm.answers import Answer, Pixels, Question, Runtime
from manuscribe.readers.vlm.loops import is_looped
from manuscribe.readers.vlm.naming import named
from manuscribe.readers.vlm.passages import Passage, passage_of
from manuscribe.readers.vlm.signals import signals_of

SUSPECT = "suspect: the reader ran in circles, at every size that was tried"
_logger = logging.getLogger(__name__)
_NEAR = 2  # sizes beside its own at which an image is shown again
_LONGEST = {"word": 64, "line": 256, "paragraph": 1024, "page": 4096}  # tokens


class VlmReader:
    """Implements `readers.protocol.LineReader`, and `reading.whole.WholeReader` for what holds several lines.

    Args:
        name: `vlm:MODEL` or `vlm:MODEL+ADAPTER`: folders, names on the hub, or a model's name at the endpoint.
        runtime: What answers; loaded by the name if left out.

    Raises:
        ModelError: The model is not there, damaged, of no known kind, or too large for this machine.
        UsageError: An option does not fit.
    """

    def __init__(self, name: str, options: ReaderOptions, runtime: Runtime | None = None) -> None:
        _refuse(options)
        self.name = name
        self._runtime = runtime or _runtime(name, options)
        self.version = self._runtime.version
        self._level = options.level
        self._prompt = options.prompt
        if options.size is not None and not self._runtime.takes(options.size):
            sizes = ", ".join(self._runtime.sizes) or "its own alone"
            raise UsageError(f"'{name}' does not see images at the size '{options.size}'.", f"It has {sizes}.")
        self._size = options.size
        self.at_once = self._runtime.at_once
        self.conditions = {"level": self._level, "prompt": self.prompt, "size": self._size or "usual"}
        self.choices = {**self._runtime.choices, **self.conditions}

    @property
    def prompt(self) -> str:
        """What the model is asked."""
        return self._prompt or self._runtime.prompts[self._level]

    def read(self, lines: Sequence[Pixels], *, of_one_page: bool = False) -> list[Line]:
        """Read images, each of which becomes one line; see `LineReader.read`. Line breaks become spaces."""
        return [line for line, _ in self.read_with_signals(lines, of_one_page=of_one_page)]

    def read_with_signals(
        self,
        lines: Sequence[Pixels],
        *,
        of_one_page: bool = False,
    ) -> list[tuple[Line, Signals]]:
        """As `read`, with the signals of each reading; see `TellingReader`.

        The lines of a page are asked as lines, with the model's own prompt, whatever the page was to be asked.
        """
        level = "line" if self._level == "page" or of_one_page else self._level
        return [(passage.line(0, len(passage.text)), signals_of(passage)) for passage in self.read_whole(lines, level)]

    def read_whole(self, images: Sequence[Pixels], level: str | None = None) -> list[Passage]:
        """What is written in images of a level, the reader's own if left out.

        An image whose answer ran in circles is asked again: first as carefully as the runtime can, then at the sizes
        nearest to its own. What still does is kept as it is, with the note `SUSPECT`. An answer that came to no end,
        but ran in no circles, is as long as answers can be, and has the note `TRUNCATED`.
        """
        level = level or self._level
        own = self._prompt if level == self._level else None
        prompt = own or self._runtime.prompts[level]
        questions = [Question(image, prompt, _LONGEST[level], size=self._size) for image in images]
        answers = self._runtime.ask(questions)
        found = [_passage(answer) for answer in answers]
        doubtful = [number for number, answer in enumerate(answers) if _runs_in_circles(answer)]
        for number in doubtful:
            found[number] = self._again(questions[number], answers[number])
        return found

    def _again(self, question: Question, first: Answer) -> Passage:
        """Ask until there is a sound answer; of none, the first that came to an end, or the very first."""
        sizes, own = list(self._runtime.sizes), question.size or next(iter(self._runtime.sizes), None)
        place = sizes.index(own) if own in sizes else 0
        near = sorted((size for size in sizes if size != own), key=lambda size: abs(sizes.index(size) - place))
        tries: list[str | None] = [question.size, *near[:_NEAR]]
        ended = first if first.ended else None
        for size in tries:
            (answer,) = self._runtime.ask([replace(question, careful=True, size=size)])
            if not _runs_in_circles(answer):
                return _passage(answer, REPETITION)
            if ended is None and answer.ended:
                ended = answer
        return _passage(ended or first, SUSPECT)


def _passage(answer: Answer, *notes: str) -> Passage:
    return passage_of(answer, notes if answer.ended else (*notes, TRUNCATED))


def _runs_in_circles(answer: Answer) -> bool:
    return answer.looped or is_looped(answer.text)


def _refuse(options: ReaderOptions) -> None:
    """Options of other readers, which would do nothing here."""
    given = {
        "--language": options.language,
        "--nbest": options.nbest > 1,
        "--beams": (options.beams or 1) > 1,
        "--fit": options.fit,
        "--engine": options.engine,
        "--draft": options.draft,
    }
    if found := [name for name, value in given.items() if value]:
        raise UsageError(f"A vision-language model has no {found[0]}.", "Leave it out.")
    if options.endpoint is None and options.at_once is not None:
        raise UsageError("--at-once is for an endpoint.", "Leave it out, or name one with --endpoint.")


def _runtime(name: str, options: ReaderOptions) -> Runtime:
    found = named(name, served=options.endpoint is not None)
    if options.endpoint is not None:
        if options.precision or options.revision or options.device != "cpu":
            raise UsageError("An endpoint has its own --precision, --revision and --device.", "Leave them out.")
        from manuscribe.readers.vlm.remote.runtime import RemoteRuntime

        return RemoteRuntime(found.model, options.endpoint, at_once=options.at_once or 4)
    if options.precision == "int8" or options.precision == "fp16":  # mypy understands this one
        raise UsageError(
            f"A vision-language model is not computed in {options.precision}.", "Take --precision fp32 or bf16."
        )
    needs("vlm")
    from manuscribe.readers.vlm.local.planning import require_memory
    from manuscribe.readers.vlm.local.runtime import LocalRuntime

    if options.device == "cuda":
        require_gpu()
    precision = options.precision or ("fp32" if options.device == "cpu" else "bf16")
    plan = require_memory(
        found,
        options.revision,
        precision=precision,
        device=options.device,
        level=options.level,
        size=options.size,
        longest=_LONGEST[options.level],
    )
    _logger.info(plan.account)
    return LocalRuntime(
        found.model,
        revision=options.revision,
        adapter=found.adapter,
        precision=precision,
        device=options.device,
        threads=options.threads,
    )
