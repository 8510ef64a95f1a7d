"""Loops are found soon after they began, whatever their kind; registers, litanies and ruled lines are none."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manuscribe.formats.page_reading import read
from manuscribe.readers.vlm.loops import LoopWatch, goes_round, is_looped

WORDS = st.integers(min_value=1000, max_value=9000)
NUMBER = 0  # a token that the spelling below makes a number, and so are the 999 after it
PREFIXES = st.lists(WORDS, max_size=200)
UNITS = st.lists(WORDS, min_size=1, max_size=150)
ENOUGH = 300 + 8  # tokens without news, and the first run

TOKENIZATIONS: dict[str, Callable[[str], list[str]]] = {
    "words": lambda text: re.findall(r"\s|\S+", text),
    "pieces": lambda text: re.findall(r" ?[^\W\d]{1,4}|\d|\s|[^\w\s]{1,8}|_", text),
    "characters": list,
    "bytes": lambda text: [chr(byte) for byte in text.encode()],
}
NAMES = (
    "Pierre Paul Jean Jacques Étienne Laurent Vincent Fabien Sébastien Côme Damien Grégoire Ambroise Augustin Jérôme"
)
TRADES = ["boulanger", "cordonnier", "rentier", "négociant", "notaire", "cultivateur", "meunier", "tisserand", "maçon"]
REFRAIN = "Sur le pont d'Avignon,\nL'on y danse, l'on y danse,\nSur le pont d'Avignon,\nL'on y danse tous en rond.\n"
ORDINARY = {
    "nothing": "",
    "ditto marks": "\n".join(f'{name}  "  "  {trade}' for name, trade in zip(NAMES.split(), TRADES, strict=False)),
    "a column of ditto marks": '"\n' * 20,
    "a column of idem": "idem\n" * 20,
    "a column of Do.": "Do.\n" * 20,
    "a numbered column of idem": "".join(f"{n} idem {n * 7 % 50}.{n * 3 % 10}0\n" for n in range(1, 21)),
    "id. in every line": "".join(f"{n}. {name} id. id. Paris\n" for n, name in enumerate(NAMES.split())),
    "leaders": "".join(
        f"Chapitre {n}, {trade} et {name} {'.' * 60} {n * 17}\n"
        for n, (trade, name) in enumerate(zip(TRADES, NAMES.split(), strict=False))
    ),
    "leaders with blanks": "".join(f"{trade} {'. ' * 40}{len(trade)}\n" for trade in TRADES),
    "ruled lines": "\n".join(f"{trade}\n{'-' * 80}" for trade in TRADES[:3]),
    "a table's head": "| Nos | Dates | Noms |\n|" + "-" * 30 + "|" + "-" * 30 + "|\n| 1 | 3 mai | Jean |",
    "empty cells": "<table>" + "<tr><td>1</td><td></td><td></td><td></td><td></td><td></td></tr>" * 6 + "</table>",
    "laughter": "Ha ha ha ha ha ha ha ha! dit-il; hi hi hi hi! et il s'en alla.",
    "figures": "\n".join(" ".join(str(n * n * 37 % 9973) for n in range(k, k + 8)) for k in range(1, 400, 8)),
    "amounts": "".join(f"{n * n % 97} fr. {n * 7 % 100} c.\n" for n in range(40)),
    "a litany": "".join(f"Saint {name}, priez pour nous.\n" for name in NAMES.split()),
    "a litany in one line": " ".join(f"Saint {name}, priez pour nous." for name in NAMES.split()),
    "a poem": "".join(f"Les {trade}s font comme ça,\nEt puis encor' comme ça.\n{REFRAIN}\n" for trade in TRADES[:4]),
    "three copies of a form": "Reçu de M. Jean la somme de dix francs, pour solde de tout compte. Paris, le 3 mai.\n"
    * 3,
    "Vietnamese": "Xin cảm ơn anh rất nhiều, tôi đã nhận được thư của anh ngày hôm qua.",
}
LOOPS = {
    "a word": "the " * 40,
    "a word in itself": "na" * 400,
    "a phrase": "Cher Monsieur, " + "et ainsi de suite, " * 15,
    "a phrase and its end": "Cher Monsieur, " + "et ainsi de suite " * 15 + "votre dévoué Jean",
    "a line": "Reçu la lettre.\n" + "Je vous prie de croire\n" * 70,
    "a paragraph": ("Je vous prie de croire, Monsieur, à l'expression de mes sentiments.\n" * 2 + REFRAIN) * 8,
    "a row": "| Jean | Paris | rentier |\n" * 60,
    "a cell": "<table><tr><td>Jean</td>" + "<td>Jean Martin</td>" * 12 + "</tr></table>",
    "a numbered list": "".join(f"{n}. foo\n" for n in range(1, 130)),
    "a longer numbered list": "".join(f"{n}. La maison de Jean, sise à Paris\n" for n in range(1, 60)),
    "years": "".join(f"Le {n % 28 + 1} mai {n}, il est mort à Paris.\n" for n in range(1800, 1860)),
    "blank lines": "Fin\n" + "\n" * 1000,
    "blanks": "Fin" + " " * 8000,
    "dots": "Total " + "." * 8000,
    "growth": "".join("very " * n + "good, " for n in range(1, 30)),
    "growth with a counter": "\n".join(", ".join(f"a{k}" for k in range(n)) for n in range(50)),
    "Chinese": "我們收到了你的信" * 50,
    "Russian": "и так далее, " * 20,
}


def spelt(token: int) -> str:
    return f" {token}" if token < 1000 else f" {chr(token)}word"


def named(text: str, tokenize: Callable[[str], list[str]]) -> tuple[list[int], Callable[[int], str]]:
    pieces = tokenize(text)
    numbers = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    return [numbers[piece] for piece in pieces], list(numbers).__getitem__


def looping(prefix: list[int], unit: list[int]) -> Iterator[int]:
    yield from prefix
    while True:
        yield from unit


def noisy(tokens: Iterator[int], every: int) -> Iterator[int]:
    for place, token in enumerate(tokens):
        yield 10_000 + place if place % every == every - 1 else token


def counting(prefix: list[int], unit: list[int]) -> Iterator[int]:
    yield from prefix
    for number in count(NUMBER + 1):
        yield number % 1000
        yield from unit


def caught(tokens: Iterator[int], watch: LoopWatch, within: int) -> bool:
    return any(watch.add(token) for token, _ in zip(tokens, range(within), strict=False))


@given(PREFIXES, UNITS)
def test_loops_are_caught_in_the_third_round_or_soon_after(prefix: list[int], unit: list[int]) -> None:
    assert caught(looping(prefix, unit), LoopWatch(), len(prefix) + 2 * len(unit) + ENOUGH)


@given(PREFIXES, UNITS)
def test_a_token_that_goes_astray_now_and_then_hides_no_loop(prefix: list[int], unit: list[int]) -> None:
    within = len(prefix) + 2 * len(unit) + 3 * ENOUGH
    assert caught(noisy(looping(prefix, unit), 60), LoopWatch(), within)


@given(PREFIXES, UNITS)
def test_loops_that_count_are_caught_where_numbers_are_known(prefix: list[int], unit: list[int]) -> None:
    length = len(unit) + 1
    within = len(prefix) + 2 * length + ENOUGH * length // len(unit) + length
    assert caught(counting(prefix, unit), LoopWatch(spelt), within)


@given(PREFIXES, st.lists(WORDS, min_size=60, max_size=150))
def test_long_loops_that_count_are_caught_even_where_they_are_not(prefix: list[int], unit: list[int]) -> None:
    assert caught(counting(prefix, unit), LoopWatch(), len(prefix) + 20 * len(unit))


@settings(max_examples=20)
@given(st.lists(WORDS, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_a_handful_of_tokens_in_any_order_is_no_progress(words, random) -> None:
    assert goes_round(random.choice(words) for _ in range(500))


@given(st.lists(WORDS, max_size=150, unique=True))
def test_twice_is_no_loop(unit: list[int]) -> None:
    assert not goes_round(unit + unit)


def test_numbers_that_are_spelt_digit_by_digit_may_grow_longer() -> None:
    tokens, spelling = named(
        "".join(f"{n}. foo bar baz\n" for n in range(5, 140)), lambda text: re.findall(r"\d|\D", text)
    )
    assert goes_round(tokens, spelling)
    tokens, spelling = named("".join(f"{n}. foo bar baz\n" for n in range(95, 105)), TOKENIZATIONS["pieces"])
    assert not goes_round(tokens, spelling)


def test_the_watch_stops_where_the_loop_is() -> None:
    tokens = [*range(2000, 2300), *[7, 8, 9] * 300]
    watch = LoopWatch()
    first = next(place for place, token in enumerate(tokens) if watch.add(token))
    assert 300 + ENOUGH <= first <= 300 + 6 + ENOUGH


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_texts_are_not_looped(text: str) -> None:
    assert not is_looped(text)
    for tokenize in (TOKENIZATIONS["words"], TOKENIZATIONS["pieces"]):
        tokens, spelling = named(text, tokenize)
        assert text.count(" . .") or not goes_round(tokens)  # nobody told that it is dots
        assert not goes_round(tokens, spelling)


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_looped_texts(text: str) -> None:
    assert is_looped(text)


def test_a_loop_of_one_column_is_found_in_a_long_text_at_once() -> None:
    text = "".join(f"{n}. {NAMES}, {n * 7919}\n" for n in range(4000)) + "(" * 20_000 + " ." * 20_000 + "\t" * 20_000
    began = time.perf_counter()
    is_looped(text + "<" * 50_000 + " (" * 50_000 + "<a" * 50_000)
    assert time.perf_counter() - began < 10


@pytest.fixture(scope="module")
def real_pages(shared: Path) -> list[list[str]]:
    """The lines of each page of the development set, and of each page that lines were cut from."""
    parquet = pytest.importorskip("pyarrow.parquet")
    file = next((shared / "data" / "lines").glob("dev-*.parquet"), None)
    if file is None:
        pytest.skip("the development lines are not there")
    pages = defaultdict(list)
    for row in parquet.read_table(file, columns=["text", "source", "page"]).to_pylist():
        pages[row["source"], row["page"]].append(row["text"])
    for file in sorted((shared / "data" / "pages" / "dev").glob("*.xml")):
        pages[file].extend(line.text for line in read(file.read_bytes()).pages[0].lines)
    assert len(pages) > 70
    return list(pages.values())


def test_no_false_alarm_in_real_texts(real_pages: list[list[str]]) -> None:
    for lines in real_pages:
        for text in (*lines, "\n".join(lines), " ".join(lines), "| " + " | ".join(lines) + " |"):
            assert not is_looped(text), text


@pytest.mark.parametrize("tokenization", TOKENIZATIONS)
def test_no_false_alarm_in_real_tokens(real_pages: list[list[str]], tokenization: str) -> None:
    for lines in real_pages:
        tokens, spelling = named("\n".join(lines), TOKENIZATIONS[tokenization])
        assert not goes_round(tokens), lines
        assert not goes_round(tokens, spelling), lines
