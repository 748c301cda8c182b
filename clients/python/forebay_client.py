"""Reads features from a forebay worker over HTTP. One file, nothing but the standard library.

    client = Client("http://localhost:8080")
    answer = client.get(feature_service="fraud", entity={"user_id": "u7", "merchant_id": "m3"})
    answer["user_spend.spend_10m"].value
"""

import datetime
import http.client
import json
import threading
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Key = str | int | bool | datetime.datetime
Time = str | int | datetime.datetime  # RFC 3339, microseconds since 1970, or a time with a zone


class ForebayError(Exception):
    """The worker refused: `code` is its word ("NOT_FOUND"), `status` that of HTTP."""

    def __init__(self, code: str, message: str, status: int):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True)
class FeatureValue:
    """One answer. Times are RFC 3339 text, None where the status is NOT_FOUND."""

    value: Any
    status: str  # PRESENT, NOT_FOUND, NULL_VALUE, OUTSIDE_MAX_AGE
    effective_time: str | None
    event_time: str | None


class Client:
    """Thread-safe; each thread keeps a connection of its own."""

    def __init__(self, url: str, timeout: float = 10.0):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no URL such as http://localhost:8080")
        secure = parts.scheme == "https"
        self._connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._host, self._port, self._timeout = parts.hostname, parts.port, timeout
        self._path = parts.path.rstrip("/")
        self._local = threading.local()

    def get(
        self,
        *,
        entity: dict[str, Key],
        feature_service: str | None = None,
        features: Sequence[str] | None = None,
        at: Time | None = None,
    ) -> dict[str, FeatureValue]:
        """The features of one entity, by name."""
        body = _selection(feature_service, features, at) | {"entity": entity}
        answer = self._post("/v1/get", body)
        return {name: FeatureValue(**cell) for name, cell in answer["features"].items()}

    def batch_get(
        self,
        *,
        entities: Sequence[dict[str, Key]],
        feature_service: str | None = None,
        features: Sequence[str] | None = None,
        at: Time | None = None,
    ) -> dict[str, list[FeatureValue]]:
        """The features of many entities: by name, a list in the order of `entities`."""
        body = _selection(feature_service, features, at) | {"entities": list(entities)}
        answer = self._post("/v1/batch-get", body)
        columns = zip(
            answer["values"], answer["statuses"], answer["effective_times"], answer["event_times"]
        )
        return {
            name: [FeatureValue(*cell) for cell in zip(*column)]
            for name, column in zip(answer["features"], columns)
        }

    def _post(self, path: str, body: dict) -> dict:
        text = json.dumps(body, default=_json_time)
        status, answer = self._send(self._path + path, text.encode())
        try:
            parsed = json.loads(answer)
        except ValueError:
            raise ForebayError("UNKNOWN", answer[:200].decode(errors="replace"), status) from None
        if status != 200:
            error = parsed["error"]
            raise ForebayError(error["code"], error["message"], status)
        return parsed

    def _send(self, path: str, body: bytes) -> tuple[int, bytes]:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            try:
                return self._exchange(connection, path, body)
            except (ConnectionError, http.client.BadStatusLine):
                connection.close()  # kept too long: the worker closed it; a new one is tried
        connection = self._connection_class(self._host, self._port, timeout=self._timeout)
        self._local.connection = connection
        return self._exchange(connection, path, body)

    def _exchange(self, connection, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except Exception:
            self._local.connection = None
            connection.close()
            raise


def _selection(feature_service, features, at) -> dict:
    selection = {"feature_service": feature_service, "features": features, "at": at}
    return {
        name: list(value) if name == "features" else value
        for name, value in selection.items()
        if value is not None
    }


def _json_time(value) -> str:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.isoformat()
    raise TypeError(f"{value!r} is no key or time; times need a time zone")
