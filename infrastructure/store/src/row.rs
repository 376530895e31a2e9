//! Rows read out of a result: the driver's rows become our values at once, so nothing above knows the driver.

use kernel::{Id, Moment};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row as _, TypeInfo, ValueRef};

use crate::{StoreError, Value};

/// One row of a result; columns are read by their position in the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub(crate) Vec<Value>);

macro_rules! reader {
    ($name:ident, $optional:ident, $variant:ident, $kind:ty, $expected:literal) => {
        #[doc = concat!("The ", $expected, " at `index`.\n\n# Errors\nAbsent, or of another type.")]
        pub fn $name(&self, index: usize) -> Result<$kind, StoreError> {
            self.$optional(index)?.ok_or(StoreError::Column {
                index,
                expected: $expected,
            })
        }

        #[doc = concat!("The ", $expected, " at `index`, if any.\n\n# Errors\nOf another type.")]
        pub fn $optional(&self, index: usize) -> Result<Option<$kind>, StoreError> {
            match self.0.get(index) {
                Some(Value::$variant(value)) => Ok(value.clone()),
                Some(other) if other.is_null() => Ok(None),
                _ => Err(StoreError::Column {
                    index,
                    expected: $expected,
                }),
            }
        }
    };
}

impl Row {
    reader!(int, opt_int, Int, i64, "whole number");
    reader!(text, opt_text, Text, String, "text");
    reader!(bytes, opt_bytes, Bytes, Vec<u8>, "bytes");

    /// The truth at `index`, kept as 0 or 1.
    ///
    /// # Errors
    /// Absent or not a number.
    pub fn flag(&self, index: usize) -> Result<bool, StoreError> {
        Ok(self.int(index)? != 0)
    }

    /// The moment at `index`.
    ///
    /// # Errors
    /// Absent or not a number.
    pub fn moment(&self, index: usize) -> Result<Moment, StoreError> {
        Ok(Moment(self.int(index)?))
    }

    /// The moment at `index`, if any.
    ///
    /// # Errors
    /// Not a number.
    pub fn opt_moment(&self, index: usize) -> Result<Option<Moment>, StoreError> {
        Ok(self.opt_int(index)?.map(Moment))
    }

    /// The identifier at `index`.
    ///
    /// # Errors
    /// Absent or not an identifier.
    pub fn id(&self, index: usize) -> Result<Id, StoreError> {
        self.text(index)?.parse().map_err(|_| StoreError::Column {
            index,
            expected: "identifier",
        })
    }

    /// The identifier at `index`, if any.
    ///
    /// # Errors
    /// Not an identifier.
    pub fn opt_id(&self, index: usize) -> Result<Option<Id>, StoreError> {
        let bad = |_| StoreError::Column {
            index,
            expected: "identifier",
        };
        self.opt_text(index)?
            .map(|text| text.parse().map_err(bad))
            .transpose()
    }

    /// A 32-byte digest at `index`.
    ///
    /// # Errors
    /// Absent or of another length.
    pub fn digest(&self, index: usize) -> Result<[u8; 32], StoreError> {
        let wrong = StoreError::Column {
            index,
            expected: "32 bytes",
        };
        self.bytes(index)?.try_into().map_err(|_| wrong)
    }

    /// How many columns the row has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the row has no columns.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn from_sqlite(row: &SqliteRow) -> Result<Self, StoreError> {
        (0..row.len())
            .map(|index| sqlite_value(row, index))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn from_postgres(row: &PgRow) -> Result<Self, StoreError> {
        (0..row.len())
            .map(|index| postgres_value(row, index))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn decoded<T>(result: Result<T, sqlx::error::BoxDynError>) -> Result<T, StoreError> {
    result.map_err(|error| StoreError::Engine(sqlx::Error::Decode(error)))
}

fn sqlite_value(row: &SqliteRow, index: usize) -> Result<Value, StoreError> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::Int(None));
    }
    let kind = raw.type_info().name().to_owned();
    match kind.as_str() {
        "TEXT" => Ok(Value::Text(Some(decoded(<String as Decode<
            sqlx::Sqlite,
        >>::decode(raw))?))),
        "BLOB" => Ok(Value::Bytes(Some(decoded(<Vec<u8> as Decode<
            sqlx::Sqlite,
        >>::decode(raw))?))),
        _ => Ok(Value::Int(Some(decoded(
            <i64 as Decode<sqlx::Sqlite>>::decode(raw),
        )?))),
    }
}

fn postgres_value(row: &PgRow, index: usize) -> Result<Value, StoreError> {
    let raw = row.try_get_raw(index)?;
    let kind = raw.type_info().name().to_owned();
    let null = raw.is_null();
    type Pg = sqlx::Postgres;
    Ok(match kind.as_str() {
        "INT8" if null => Value::Int(None),
        "INT8" => Value::Int(Some(decoded(<i64 as Decode<Pg>>::decode(raw))?)),
        "INT4" if null => Value::Int(None),
        "INT4" => Value::Int(Some(i64::from(decoded(<i32 as Decode<Pg>>::decode(raw))?))),
        "BYTEA" if null => Value::Bytes(None),
        "BYTEA" => Value::Bytes(Some(decoded(<Vec<u8> as Decode<Pg>>::decode(raw))?)),
        "TEXT" | "VARCHAR" | "NAME" | "CHAR" | "UNKNOWN" if null => Value::Text(None),
        "TEXT" | "VARCHAR" | "NAME" | "CHAR" | "UNKNOWN" => {
            Value::Text(Some(decoded(<String as Decode<Pg>>::decode(raw))?))
        }
        _ => {
            return Err(StoreError::Column {
                index,
                expected: "BIGINT, TEXT or BYTEA",
            });
        }
    })
}
