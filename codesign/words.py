"""Words for people who mistyped one."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: object, allowed: Iterable[str]) -> str:
    """' (did you mean X?)', or nothing where no allowed word is near.

    Example:
        >>> nearest("epoch", ["epochs", "seed"])
        ' (did you mean epochs?)'
    """
    close = get_close_matches(str(word), list(allowed), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
