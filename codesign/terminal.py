"""What is safe to print: names and notes come from files, and a terminal obeys control characters."""


def shown(text: str) -> str:
    """The text, lines kept, with a replacement character for each sign that cannot be printed."""
    return "".join(s if s.isprintable() or s == "\n" else "\N{REPLACEMENT CHARACTER}" for s in text)


def one_line(text: str) -> str:
    """The same on one line."""
    return shown(" ".join(text.split()))
