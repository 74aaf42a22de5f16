"""Errors in Alpaca's words.

Alpaca answers an error as ``{"code": 40310000, "message": "..."}``: the code begins with an HTTP status,
which is not always the one the answer was sent with (bad input has code 40010001 and status 422). Some errors
carry more fields, such as the buying power that was not enough; errors of its gateway carry no code at all.
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error that is answered with an HTTP status and Alpaca's error object.

    ``status`` is the HTTP status; ``code`` is Alpaca's number, or None for an error of its gateway; ``extra``
    are the fields that stand beside code and message.
    """

    def __init__(self, status: int, code: int | None, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The error object as Alpaca sends it."""
        code = {} if self.code is None else {"code": self.code}
        return {**self.extra, **code, "message": self.message}


def malformed(message: str = "request body format is invalid") -> ApiError:
    """400: the request cannot be read at all."""
    return ApiError(400, 40010000, message)


def invalid(message: str) -> ApiError:
    """422: a parameter is missing or wrong."""
    return ApiError(422, 40010001, message)


def unprocessable(message: str) -> ApiError:
    """422: every parameter is well formed, but this cannot be done."""
    return ApiError(422, 42210000, message)


def refused(message: str, **extra: Any) -> ApiError:
    """403: understood, and not allowed: too little money, too few shares, a blocked account."""
    return ApiError(403, 40310000, message, **extra)


def not_found(message: str) -> ApiError:
    """404: no such position, order or endpoint."""
    return ApiError(404, 40410000, message)


def unauthorized() -> ApiError:
    """401: the key or the secret is missing. Alpaca's gateway sends no code with it."""
    return ApiError(401, None, "unauthorized.")


def forbidden() -> ApiError:
    """403: the secret does not belong to the key. Alpaca's gateway sends no code with it."""
    return ApiError(403, None, "forbidden.")


def rate_limited() -> ApiError:
    """429: more calls in a minute than one account may make."""
    return ApiError(429, 42910000, "rate limit exceeded")
