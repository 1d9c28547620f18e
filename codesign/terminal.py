"""What is safe to print: names and notes come from files, and a terminal obeys control characters."""


def one_line(text: str) -> str:
    """The text on one line, with a replacement character for each sign that cannot be printed."""
    line = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
