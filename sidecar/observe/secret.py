"""One type for keys, tokens and resumption handles, which nothing prints by accident (design section 6)."""

from typing import NoReturn, SupportsIndex

SHOWN = "<secret>"
"""What a secret looks like wherever it is printed."""


class Secret:
    """A string that only `reveal()` gives away: not repr, str, format, json, msgspec, pickle or `vars()`."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The secret itself. Call it where it is put on the wire, and nowhere else."""
        return self.__value

    @property
    def fingerprint(self) -> str:
        """Eight hex digits that name this secret in a log: too few to test a guess against."""
        from hashlib import blake2b

        return blake2b(self.__bytes(), digest_size=4, person=b"live-sidecar").hexdigest()

    def __bytes(self) -> bytes:
        return self.__value.encode("utf-8", "surrogatepass")

    def __repr__(self) -> str:
        return SHOWN

    def __str__(self) -> str:
        return SHOWN

    def __format__(self, spec: str) -> str:
        return SHOWN

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        """Compares in constant time, and only with another secret."""
        from hmac import compare_digest

        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self.__bytes(), other.__bytes())

    def __hash__(self) -> int:
        return hash(self.__value)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret cannot be pickled; reveal() it where it is needed")
