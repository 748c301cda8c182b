"""Reads features from a forebay worker over HTTP, with nothing but the standard library.

    client = Client("http://localhost:8080")
    answer = client.get(feature_service="fraud", entity={"user_id": "u7", "merchant_id": "m3"})
    answer["user_spend.spend_10m"].value
"""

from forebay.client import Client, FeatureValue, ForebayError
from forebay.entities import Column, Columns, Entities, Entity, Frame, Key, Row, Scalar, Time

__all__ = [
    "Client",
    "Column",
    "Columns",
    "Entities",
    "Entity",
    "FeatureValue",
    "ForebayError",
    "Frame",
    "Key",
    "Row",
    "Scalar",
    "Time",
]
