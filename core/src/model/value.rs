//! A value as the store keeps it.

/// What a column holds. Which variant a column uses follows from its role:
/// text, enum, ref, json, decimal and day are `Text`; integer, instant and bool (0/1) are
/// `Integer`; number is `Real`. `Null` is always possible in a nullable column.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Nothing known.
    Null,
    /// Whole numbers, instants in epoch milliseconds, booleans as 0 or 1.
    Integer(i64),
    /// Finite numbers with a fraction.
    Real(f64),
    /// Text, and everything that keeps its text form: JSON, decimals, days.
    Text(String),
}

impl Value {
    /// Whether it is `Null`.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The whole number, if it is one.
    pub const fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The JSON form, as bases and ledger entries keep it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Integer(value) => (*value).into(),
            Self::Real(value) => (*value).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }

    /// Back from [`Value::to_json`]. `None` for arrays, objects and booleans.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::Null => Some(Self::Null),
            serde_json::Value::String(text) => Some(Self::Text(text.clone())),
            serde_json::Value::Number(number) => number
                .as_i64()
                .map(Self::Integer)
                .or_else(|| number.as_f64().map(Self::Real)),
            _ => None,
        }
    }
}
