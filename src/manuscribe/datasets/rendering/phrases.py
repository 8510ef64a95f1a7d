"""What registers, letters and forms are full of and sentences are not: names, addresses, dates, set phrases."""

import re
from functools import cache
from importlib.resources import files

import numpy as np

_MONTHS = {
    "en": "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Jan|Feb|Aug|Sept|Oct|Nov|Dec",
    "fr": "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
    "de": "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember",
    "ru": "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря",
    "uk": "січня|лютого|березня|квітня|травня|червня|липня|серпня|вересня|жовтня|листопада|грудня",
}
_GIVEN = {
    "en": "John|William|James|George|Thomas|Henry|Mary|Elizabeth|Sarah|Margaret|Anna|Charles|Edward|Robert|Samuel|"
    "Joseph|Alice|Clara|Martha|Susan|Frederick|Benjamin|Daniel|Ellen|Walter",
    "fr": "Jean|Pierre|Marie|Louis|Jacques|François|Antoine|Joseph|Jeanne|Catherine|Marguerite|Étienne|Charles|Claude",
    "de": "Johann|Heinrich|Friedrich|Wilhelm|Karl|Anna|Maria|Elisabeth|Katharina|Georg|Hermann|August|Otto|Luise|"
    "Gottfried|Christian|Dorothea|Jakob|Ludwig|Ernst",
    "ru": "Иван|Николай|Пётр|Алексей|Мария|Анна|Александр|Василий|Екатерина|Михаил|Сергей|Дмитрий|Ольга|Андрей|"
    "Павел|Фёдор|Степан|Евдокия|Григорий|Яков|Наталья|Юрий|Любовь|Жанна|Эмма|Цецилия",
    "uk": "Іван|Микола|Петро|Олексій|Марія|Ганна|Олександр|Василь|Катерина|Михайло|Сергій|Дмитро|Ольга|Андрій|Юрій|"
    "Євген|Тарас|Леся|Григорій|Надія",
    "vi": "An|Bình|Chi|Dũng|Đức|Giang|Hà|Hải|Hạnh|Hiếu|Hoa|Hòa|Hùng|Hương|Khánh|Lan|Linh|Long|Mai|Minh|Nam|Nga|Ngọc|"
    "Nhung|Phong|Phúc|Phương|Quân|Quang|Sơn|Tâm|Thảo|Thắng|Thịnh|Thủy|Trang|Trung|Tuấn|Tùng|Vân|Việt|Yến",
}
_FAMILY = {
    "en": "Smith|Brown|Wilson|Taylor|Johnson|Walker|Clark|Baker|Wright|Hughes|Edwards|Hamilton|Jefferson|Parker",
    "fr": "Martin|Bernard|Dubois|Durand|Lefebvre|Moreau|Laurent|Girard|Bonnet|Fournier|Mercier|Blanchard|Chevalier",
    "de": "Müller|Schmidt|Schneider|Fischer|Weber|Meyer|Wagner|Becker|Schulz|Hoffmann|Schäfer|Koch|Richter|Kühn|Groß",
    "ru": "Иванов|Петров|Сидоров|Кузнецов|Смирнов|Попов|Васильев|Соколов|Михайлов|Новиков|Фёдоров|Морозов|Волков|"
    "Щербаков|Жуков|Цветков|Юдин|Яковлев|Чернышёв|Хохлов|Эйдельман|Шишкин",
    "uk": "Шевченко|Коваленко|Бондаренко|Ткаченко|Кравченко|Олійник|Лисенко|Гончаренко|Іваненко|Поліщук|Щерба|Яценко",
    "vi": "Nguyễn|Trần|Lê|Phạm|Hoàng|Huỳnh|Phan|Vũ|Võ|Đặng|Bùi|Đỗ|Hồ|Ngô|Dương|Lý|Đinh|Trịnh|Mai|Cao|Tạ|Lương",
}
_PLACES = {
    "en": "London|New York|Boston|Philadelphia|Richmond|Washington|Edinburgh|Virginia|Ohio|Kentucky|Baltimore",
    "fr": "Paris|Lyon|Rouen|Bordeaux|Québec|Montréal|Marseille|Toulouse|Versailles|Orléans|Nantes|Lille",
    "de": "Berlin|München|Leipzig|Köln|Dresden|Königsberg|Göttingen|Wien|Nürnberg|Breslau|Straßburg|Tübingen",
    "ru": "Москва|Петербург|Киев|Казань|Одесса|Харьков|Тверь|Ярославль|Вятка|Смоленск|Рязань|Орёл|Пенза|Ржев|Выборг",
    "uk": "Київ|Львів|Харків|Одеса|Полтава|Чернігів|Житомир|Вінниця|Ужгород|Ґданськ|Запоріжжя",
    "vi": "An Giang|Bà Rịa|Bạc Liêu|Bắc Giang|Bắc Kạn|Bắc Ninh|Bến Tre|Bình Định|Bình Dương|Bình Phước|Bình Thuận|"
    "Cà Mau|Cần Thơ|Cao Bằng|Đà Nẵng|Đắk Lắk|Đắk Nông|Điện Biên|Đồng Nai|Đồng Tháp|Gia Lai|Hà Giang|Hà Nam|Hà Nội|"
    "Hà Tĩnh|Hải Dương|Hải Phòng|Hậu Giang|Hòa Bình|Hưng Yên|Khánh Hòa|Kiên Giang|Kon Tum|Lai Châu|Lâm Đồng|Lạng Sơn|"
    "Lào Cai|Long An|Nam Định|Nghệ An|Ninh Bình|Ninh Thuận|Phú Thọ|Phú Yên|Quảng Bình|Quảng Nam|Quảng Ngãi|"
    "Quảng Ninh|Quảng Trị|Sóc Trăng|Sơn La|Tây Ninh|Thái Bình|Thái Nguyên|Thanh Hóa|Thừa Thiên Huế|Tiền Giang|"
    "TP Hồ Chí Minh|Trà Vinh|Tuyên Quang|Vĩnh Long|Vĩnh Phúc|Yên Bái",
}


@cache
def _templates(language: str) -> list[str]:
    """Set phrases of a language.

    {x} stands for a word or two of the language's own, with capitals; {n} for a number up to 400, {m} for one up to 20,
    {d} for a day, {y} for a year, {month}, {given}, {family} and {place} for names.
    """
    return (files(__package__) / "set_phrases" / f"{language}.txt").read_text("utf-8").splitlines()


def phrase(language: str, words: str, rng: np.random.Generator) -> str:
    """One phrase of a language; `words` is what stands for its unnamed parts."""

    def one(choices: str) -> str:
        parts = choices.split("|")
        return parts[int(rng.integers(len(parts)))]

    def fill(found: re.Match[str]) -> str:
        match found.group(1):
            case "n":
                return str(rng.integers(1, 400))
            case "m":
                return str(rng.integers(1, 20))
            case "d":
                return str(rng.integers(1, 32))
            case "y":
                return str(rng.integers(1750, 2030))
            case "x":
                return words
            case "month":
                return one(_MONTHS[language])
            case "given":
                return one(_GIVEN[language])
            case "family":
                return one(_FAMILY[language])
            case "place":
                return one(_PLACES[language])
            case slot:
                raise ValueError(f"nothing is known to stand for {{{slot}}}")

    known = _templates(language)
    return re.sub(r"\{(\w+)\}", fill, known[int(rng.integers(len(known)))])
