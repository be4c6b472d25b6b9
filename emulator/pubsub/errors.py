"""Refusals of the broker, by the name of their gRPC status code, so that the broker itself needs no gRPC."""

from __future__ import annotations


class PubSubError(Exception):
    """A request the service refuses."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class InvalidArgument(PubSubError):
    """The request can never succeed as it stands."""

    def __init__(self, message: str) -> None:
        super().__init__("INVALID_ARGUMENT", message)


class NotFound(PubSubError):
    """The resource does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_FOUND", message)


class AlreadyExists(PubSubError):
    """The resource exists."""

    def __init__(self, message: str) -> None:
        super().__init__("ALREADY_EXISTS", message)


class FailedPrecondition(PubSubError):
    """The resource is in a state that does not allow the request."""

    def __init__(self, message: str) -> None:
        super().__init__("FAILED_PRECONDITION", message)
