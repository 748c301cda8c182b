"""The client: a question to a worker, and its answer."""

import http.client
import json
import threading
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forebay.entities import Entities, Entity, Time, json_entities, json_entity, json_time


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
        self._connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._host, self._port, self._timeout = parts.hostname, parts.port, timeout
        self._path = parts.path.rstrip("/")
        self._local = threading.local()

    def get(
        self,
        *,
        entity: Entity,
        feature_service: str | None = None,
        features: Sequence[str] | None = None,
        at: Time | None = None,
    ) -> dict[str, FeatureValue]:
        """The features of one entity, by name."""
        body = _selection(feature_service, features, at) | {"entity": json_entity(entity)}
        answer = self._post("/v1/get", body)
        return {name: FeatureValue(**cell) for name, cell in answer["features"].items()}

    def batch_get(
        self,
        *,
        entities: Entities,
        feature_service: str | None = None,
        features: Sequence[str] | None = None,
        at: Time | None = None,
    ) -> dict[str, list[FeatureValue]]:
        """The features of many entities: by name, a list in the order of `entities`.

        `entities` is a list of entities; or their key columns, as a dict of lists or arrays, as a
        DataFrame, or, of one key column, as a Series.
        """
        body = _selection(feature_service, features, at) | {"entities": json_entities(entities)}
        answer = self._post("/v1/batch-get", body)
        columns = zip(
            answer["values"], answer["statuses"], answer["effective_times"], answer["event_times"]
        )
        return {
            name: [FeatureValue(*cell) for cell in zip(*column)]
            for name, column in zip(answer["features"], columns)
        }

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = self._send(self._path + path, json.dumps(body).encode())
        try:
            parsed: dict[str, Any] = json.loads(answer)
        except ValueError:
            raise ForebayError("UNKNOWN", answer[:200].decode(errors="replace"), status) from None
        if status != 200:
            error = parsed["error"]
            raise ForebayError(error["code"], error["message"], status)
        return parsed

    def _send(self, path: str, body: bytes) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is not None:
            try:
                return self._exchange(connection, path, body)
            except (ConnectionError, http.client.BadStatusLine):
                connection.close()  # kept too long: the worker closed it; a new one is tried
        connection = self._connect(self._host, self._port, timeout=self._timeout)
        self._local.connection = connection
        return self._exchange(connection, path, body)

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes
    ) -> tuple[int, bytes]:
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except Exception:
            self._local.connection = None
            connection.close()
            raise


def _selection(
    feature_service: str | None, features: Sequence[str] | None, at: Time | None
) -> dict[str, Any]:
    if isinstance(features, str):
        raise TypeError(f"features is a list of names: [{features!r}]")
    selection: dict[str, Any] = {}
    if feature_service is not None:
        selection["feature_service"] = feature_service
    if features is not None:
        selection["features"] = list(features)
    if at is not None:
        selection["at"] = json_time(at)
    return selection
