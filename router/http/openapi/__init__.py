"""The OpenAPI description of what this service takes and answers, made of what checks and makes it."""

from router.http.openapi.document import document
from router.http.openapi.variants import Variant, of_anyone, of_client

__all__ = ["Variant", "document", "of_anyone", "of_client"]
