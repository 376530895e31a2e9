//! Values that go into statements and come out of rows: whole numbers, text, bytes, each possibly absent.
//!
//! Absence keeps its type, because PostgreSQL wants to know the type of a null parameter.

use kernel::{Id, Moment};

/// A parameter of a statement or a column of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// BIGINT.
    Int(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA.
    Bytes(Option<Vec<u8>>),
}

impl Value {
    /// Whether nothing is there.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Int(None) | Self::Text(None) | Self::Bytes(None))
    }
}

/// Builds the parameter list of a statement: `&params![case, now, "open"]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { [$($crate::Value::from($value)),*] };
}

macro_rules! from {
    ($variant:ident: $($kind:ty => |$value:ident| $plain:expr),* $(,)?) => {$(
        impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                Self::$variant(Some($plain))
            }
        }
        impl From<Option<$kind>> for Value {
            fn from(value: Option<$kind>) -> Self {
                Self::$variant(value.map(|$value| $plain))
            }
        }
    )*};
}

from!(Int:
    i64 => |v| v,
    i32 => |v| i64::from(v),
    u32 => |v| i64::from(v),
    u64 => |v| i64::try_from(v).unwrap_or(i64::MAX),
    usize => |v| i64::try_from(v).unwrap_or(i64::MAX),
    bool => |v| i64::from(v),
    Moment => |v| v.0,
    &Moment => |v| v.0,
);
from!(Text:
    &str => |v| v.to_owned(),
    String => |v| v,
    &String => |v| v.clone(),
    Id => |v| v.to_string(),
    &Id => |v| v.to_string(),
);
from!(Bytes:
    Vec<u8> => |v| v,
    &Vec<u8> => |v| v.clone(),
    &[u8] => |v| v.to_vec(),
    [u8; 32] => |v| v.to_vec(),
    &[u8; 32] => |v| v.to_vec(),
);
