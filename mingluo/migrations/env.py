"""Run by Alembic for every command: which connection, which tables.

`mingluo.migrations` hands the connection in through `config.attributes`; without one the statements are only
written out, for the dialect that is named there.
"""

from alembic import context

import alerts.rehearsal
import alerts.tables  # noqa: F401 - as above
import api.tables  # noqa: F401 - as above
import community.announcements
import community.estate_tables
import community.transmitter_orders  # noqa: F401 - as above
import rules.store_table  # noqa: F401 - as above
from community.database import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    context.configure(dialect_name=context.config.attributes["dialect"], target_metadata=metadata, literal_binds=True)
else:
    # SQLite changes a column only by copying its table: batch mode.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
