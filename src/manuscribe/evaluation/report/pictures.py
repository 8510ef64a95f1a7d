"""Pictures of lines inside the page: decoded, made small and encoded anew, so that nothing else comes with them."""

from base64 import b64encode
from io import BytesIO

from PIL import Image

from manuscribe.errors import InputError
from manuscribe.evaluation.report.elements import Markup, element
from manuscribe.evaluation.samples import Sample

_LARGEST = (1200, 120)
"""Pixels that a picture has at most; with `_QUALITY` it has some 30 kB."""
_QUALITY = 75


def picture(sample: Sample) -> Markup:
    """The image of a line; where it cannot be opened, a sentence that says why."""
    try:
        image = Image.fromarray(sample.picture())
    except InputError as error:
        return element("p", error.problem, class_="missing")
    image.thumbnail(_LARGEST, Image.Resampling.LANCZOS)
    data = BytesIO()
    image.save(data, "JPEG", quality=_QUALITY)
    address = f"data:image/jpeg;base64,{b64encode(data.getvalue()).decode('ascii')}"
    about = f"Picture of the line {sample.name}".strip()
    shown = element("img", src=address, width=image.width, height=image.height, alt=about)
    return element("div", shown, class_="scrolled", tabindex=0, role="region", aria_label=about)
