//! A backup of the database's files while it runs. Postgres is told when it begins and when it ends; whoever takes it copies the files
//! in between.

use highwater_model::Position;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::{StoreError, migrate};

/// A backup that has begun. It ends with its connection: dropping it gives it up.
#[derive(Debug)]
pub struct FileBackup {
    connection: PgConnection,
    /// Postgres 14 has other names for beginning and end.
    is_14: bool,
}

/// What belongs to the copied files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBackupEnd {
    /// The text of the file `backup_label`.
    pub label: String,
    /// Up to here the copy needs the write-ahead log, like `0/2000138`.
    pub stop: String,
    /// The size of a file of that log.
    pub segment_bytes: i64,
    /// Every event up to here is in the backup.
    pub position: Position,
    /// The schema's version; zero when there is no log yet.
    pub schema_version: i64,
    /// The version of Postgres.
    pub postgres: String,
}

impl FileBackup {
    /// Begins one, as a superuser. The write-ahead log from here on is kept until the connection ends, however long the copying takes.
    pub async fn begin(url: &str) -> Result<Self, StoreError> {
        let mut connection = connect(url).await?;
        let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
            .fetch_one(&mut connection)
            .await?;
        let is_14 = version < 150_000;
        sqlx::query("select slot_name::text from pg_create_physical_replication_slot(('highwater_backup_' || pg_backend_pid())::name, true, true)")
            .execute(&mut connection)
            .await?;
        let begin = if is_14 {
            "select pg_start_backup('highwater', true, false)::text"
        } else {
            "select pg_backup_start('highwater', true)::text"
        };
        sqlx::query(begin).execute(&mut connection).await?;
        Ok(Self { connection, is_14 })
    }

    /// Ends it: the files are copied, those of the write-ahead log are not yet.
    pub async fn end(&mut self) -> Result<FileBackupEnd, StoreError> {
        // Before it ends: whoever was answered by now has their events in it.
        let (schema_version, position) = head(&mut self.connection).await?;
        let (segment_bytes, postgres): (i64, String) = sqlx::query_as(
            "select setting::bigint, current_setting('server_version') from pg_settings where name = 'wal_segment_size'",
        )
        .fetch_one(&mut self.connection)
        .await?;
        let end = if self.is_14 {
            "select lsn::text, labelfile from pg_stop_backup(false, false)"
        } else {
            "select lsn::text, labelfile from pg_backup_stop(false)"
        };
        let (stop, label): (String, String) =
            sqlx::query_as(end).fetch_one(&mut self.connection).await?;
        Ok(FileBackupEnd {
            label,
            stop,
            segment_bytes,
            position,
            schema_version,
            postgres,
        })
    }

    /// Lets go of the write-ahead log that it has kept.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

/// The newest position of a database that no store is open on; zero when there is no log yet.
pub async fn newest_position(url: &str) -> Result<Position, StoreError> {
    let mut connection = connect(url).await?;
    let (_, position) = head(&mut connection).await?;
    connection.close().await?;
    Ok(position)
}

async fn connect(url: &str) -> Result<PgConnection, StoreError> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.application_name("highwater backup");
    Ok(options.connect().await?)
}

async fn head(connection: &mut PgConnection) -> Result<(i64, Position), StoreError> {
    let schema_version = migrate::found(connection).await?;
    let position: i64 = if schema_version == 0 {
        0
    } else {
        sqlx::query_scalar("select coalesce(max(position), 0) from highwater.events")
            .fetch_one(connection)
            .await?
    };
    Ok((schema_version, Position(position)))
}
