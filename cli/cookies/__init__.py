"""`authingo cookies`: read cookies from whatever they were copied with, and explain them."""

from .command import app

__all__ = ["app"]
