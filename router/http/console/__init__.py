"""The console: pages for support staff and operators, rendered here, usable without scripts. They forget nothing."""

from router.http.console.pages import register

__all__ = ["register"]
