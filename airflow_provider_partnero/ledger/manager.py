"""The ledger's tables among Airflow's own migrations: made and upgraded by ``airflow db migrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.utils.db_manager import BaseDBManager
from sqlalchemy import MetaData, Table

from airflow_provider_partnero.ledger import editions
from airflow_provider_partnero.ledger.tables import METADATA

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine


class PartneroDBManager(BaseDBManager):
    """Airflow 3.2 finds it in provider info; before, ``[database] external_db_managers`` has to name it.

    Every way to the tables goes through the migrations: Airflow's versions differ in what they do with tables that are
    there without a version, as those of the receiver's first edition are.
    """

    metadata = METADATA
    migration_dir = str(editions.MIGRATIONS)
    alembic_file = str(editions.ALEMBIC_INI)
    version_table_name = editions.VERSION_TABLE
    supports_table_dropping = True
    revision_heads_map = {"0.1.0": "0001", "0.2.0": "0002"}  # noqa: RUF012 - Airflow declares it without ClassVar

    def get_current_revision(self) -> str | None:
        """The edition of the tables in the database; None when no migration was run."""
        return editions.current_revision(self._engine(), METADATA.schema)

    def initdb(self, use_migration_files: bool = False) -> None:  # noqa: ARG002 - it is so always
        """Make the tables, or take over those that are there."""
        self.upgradedb()

    def create_db_from_orm(self) -> None:
        """Make the tables, or take over those that are there."""
        self.upgradedb()

    def upgradedb(
        self,
        to_revision: str | None = None,
        from_revision: str | None = None,
        show_sql_only: bool = False,
        use_migration_files: bool = False,  # noqa: ARG002 - it is so always
    ) -> None:
        """Bring the tables to an edition.

        :param to_revision: the edition; the newest by default.
        :param from_revision: the edition to start at, with ``show_sql_only``; nothing at all by default.
        :param show_sql_only: print the statements, and run none.
        :raises EditionError: the database refuses it, or somebody has used the tables for half a minute.
        """
        target = to_revision or "heads"
        if show_sql_only:
            from alembic import command

            command.upgrade(
                editions.alembic_config(), f"{from_revision}:{target}" if from_revision else target, sql=True
            )
            return
        editions.upgrade_patiently(self._engine(), target)
        self.log.info("The tables of Partnero's receiver are of edition %s", self.get_current_revision())

    def downgrade(self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False) -> None:
        """Take the tables back to an edition; what the newer one has kept is lost.

        :param to_revision: the edition; ``base`` drops the tables.
        :param from_revision: the edition to start at, with ``show_sql_only``; the one in the database by default.
        :param show_sql_only: print the statements, and run none.
        :raises EditionError: the database refuses it, or somebody uses the tables.
        """
        if show_sql_only:
            from alembic import command

            start = from_revision or self.get_current_revision()
            command.downgrade(editions.alembic_config(), f"{start}:{to_revision}", sql=True)
            return
        editions.downgrade(self._engine(), to_revision)

    def drop_tables(self, connection: Connection) -> None:
        """Drop the tables and what is known of their edition, as ``airflow db reset`` wants it."""
        METADATA.drop_all(connection)
        Table(self.version_table_name, MetaData(schema=METADATA.schema)).drop(connection, checkfirst=True)

    def _engine(self) -> Engine:
        engine: Engine = self.session.get_bind().engine
        return engine
