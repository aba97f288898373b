//! From SQLite's result codes to ours. SQLite's own text never leaves: it can quote values.

use rusqlite::ErrorCode as Sqlite;

use crate::error::{Error, ErrorCode};

/// Maps an error of a statement on an open database.
pub(super) fn map(error: rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(failure, _) = &error else {
        return Error::internal("the database gave an unexpected answer");
    };
    match failure.code {
        Sqlite::DiskFull => Error::new(ErrorCode::StorageFull, "no space left for the database"),
        Sqlite::DatabaseBusy | Sqlite::DatabaseLocked => {
            Error::new(ErrorCode::StorageBusy, "the database is in use elsewhere")
        }
        Sqlite::DatabaseCorrupt | Sqlite::NotADatabase => {
            Error::new(ErrorCode::DatabaseDamaged, "the database cannot be read")
        }
        Sqlite::TooBig => Error::new(ErrorCode::ValueTooLarge, "a value is too large"),
        Sqlite::SystemIoFailure | Sqlite::CannotOpen | Sqlite::ReadOnly => Error::new(
            ErrorCode::StorageBusy,
            "the database file cannot be read or written",
        ),
        _ => Error::internal("the database refused a statement"),
    }
}

/// For `map_err` in a chain that ends in our own result.
pub(super) trait MapSqlite<T> {
    /// Maps the error with [`map`].
    fn map_sqlite(self) -> Result<T, Error>;
}

impl<T> MapSqlite<T> for rusqlite::Result<T> {
    fn map_sqlite(self) -> Result<T, Error> {
        self.map_err(map)
    }
}
