"""An HTML page as a tree of elements, for tests that ask what a browser would show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_WITHOUT_CONTENT = {"meta", "link", "rect", "circle"}


@dataclass
class Element:
    """One element, with the elements and texts within it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Element]:
        """The element and all below it, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child

    def all(self, tag: str, kind: str | None = None) -> list[Element]:
        """The elements with this tag and, if given, exactly this ``class``."""
        return [found for found in self if found.tag == tag and kind in (None, found.kind)]

    def only(self, tag: str, kind: str | None = None) -> Element:
        """The one element with this tag and class."""
        [found] = self.all(tag, kind)
        return found

    @property
    def kind(self) -> str:
        """Its ``class``; empty without one."""
        return self.attributes.get("class", "")

    @property
    def text(self) -> str:
        """All text within it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


def page_of(text: str) -> Element:
    """The root of a page whose elements are all closed, in order; asserts that it is such a page."""
    return _Parser(text).root


class _Parser(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], "an element is not closed"
        [document] = [child for child in self.root.children if isinstance(child, Element)]
        assert document.tag == "html"
        assert {child.strip() for child in self.root.children if isinstance(child, str)} <= {""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        assert len(attributes) == len(attrs), f"an attribute of <{tag}> is there twice"
        element = Element(tag, attributes)
        self._open[-1].children.append(element)
        if tag not in _WITHOUT_CONTENT:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _WITHOUT_CONTENT:
            assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def handle_decl(self, decl: str) -> None:
        assert decl.lower() == "doctype html"
        assert self._open == [self.root]

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"a processing instruction: {data!r}")
