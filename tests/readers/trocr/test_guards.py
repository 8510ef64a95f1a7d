"""What is a decoder running in circles, and what is ordinary writing."""

import pytest

from manuscribe.readers.trocr.guards import is_suspicious

ORDINARY = [
    "", "a", "I", "1", "—", "Mr", "Dear Sir, I have the honour to acknowledge the receipt of your letter of the 4th",
    "the same as the one that the other man had had, had he had the time", "ha ha ha", "no, no, no!", "Bye bye",
    "J'ai reçu votre lettre du 3 de ce mois, et je vous en remercie de tout mon cœur", "Hier war es sehr schön;",
    "Grundstücksverkehrsgenehmigungszuständigkeit",
    "Tôi đã nhận được thư của anh ngày hôm qua, xin cảm ơn anh rất nhiều",
    "Вчера я получил ваше письмо и очень благодарю вас за него, дорогой друг", "Учора я отримав вашого листа",
    "1 000 000 000", "3 333", "12.12.1912", "1900 1901 1902 1903 1904 1905", "£ 1,000,000", "10 000",
    "......", ". . . . . . . . .", "................................", "- - - - - - - -", "___________________________",
    "Total . . . . . . . . . . . . 14", "Sum ........................ 3.50", "%%%%%%", "\" \" \" \" \"",
    "Bananas, ananas", "Mississippi", "Hannah", "ee", "xxx", "MDCCCLXXXVIII", "tr. tr. tr.", "A. B. C. D. E. F. G.",
]  # fmt: skip
LOOPS = [
    "the the the the the the", "and so on and so on and so on and so on", "1911 1911 1911 1911", "nanananananana",
    "of the of the of the of the of the of the of the of the", "lalalala", "Dear Sir 0 0 0 0 0 0",
    "и так далее и так далее и так далее и так далее", "của của của của của", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "I am, Sir, I am, Sir, I am, Sir, I am, Sir, I am, Sir, I am, Sir, yours",
]  # fmt: skip
LONG = "We have received your letter of the fourth of this month"


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_lines(text: str) -> None:
    assert not is_suspicious(text, 60, 60 * max(1, len(text)) // 3)


@pytest.mark.parametrize("text", LOOPS)
def test_loops(text: str) -> None:
    assert is_suspicious(text, 60, 60 * len(text))


def test_a_loop_in_the_middle_packs_too_well() -> None:
    assert is_suspicious("We came " + "and went " * 9 + "home", 60, 4000)


@pytest.mark.parametrize(
    ("size", "suspicious"), [((60, 900), False), ((60, 300), False), ((60, 200), True), ((1, 1), True)]
)
def test_a_text_that_has_no_room_in_its_image(size: tuple[int, int], suspicious: bool) -> None:
    assert is_suspicious(LONG, *size) is suspicious


def test_a_line_from_top_to_bottom_is_as_long_as_it_is_high() -> None:
    assert not is_suspicious("Dear", 600, 30)
