"""The one application of this project."""
from django.apps import AppConfig
from django.db.backends.signals import connection_created


class Config(AppConfig):
    """Readers of the shared SQLite file must not wait for its writers: write-ahead log."""

    name = "app"

    def ready(self):
        connection_created.connect(use_write_ahead_log)


def use_write_ahead_log(connection, **_):
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
