"""HTML and SVG from elements: text is escaped unless it is an element itself, so nothing from data becomes markup."""

from html import escape


class Markup(str):
    """Text that is markup already: only `element` and `raw` make it."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float) -> Markup:
    """An element with its children; `class_` and `aria_label` become `class` and `aria-label`.

    An element without children, except of HTML's own empty kinds, still has an end tag.
    """
    said = "".join(f' {_attribute(key)}="{escape(str(value))}"' for key, value in attributes.items())
    if name in ("img", "meta", "br"):
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """Elements and texts one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def raw(trusted: str) -> Markup:
    """Markup that we wrote ourselves; never anything from data."""
    return Markup(trusted)


def _attribute(key: str) -> str:
    # SVG's own attributes keep their case, and none has an underscore.
    return key.rstrip("_").replace("_", "-")
