//! Comparing what came with what a fixture expects.

use serde_json::Value;

/// Whether the value is what was expected. Objects may hold more fields than expected,
/// arrays must have the same length; `@any` is anything but null, `@uuid` a UUID.
pub fn check(expected: &Value, got: &Value, path: &str) -> Result<(), String> {
    match expected {
        Value::String(word) if word == "@any" && !got.is_null() => Ok(()),
        Value::String(word) if word == "@uuid" => {
            let is_uuid = got
                .as_str()
                .is_some_and(|id| uuid::Uuid::parse_str(id).is_ok());
            is_uuid
                .then_some(())
                .ok_or_else(|| format!("{path}: {got} is no UUID"))
        }
        Value::String(word) if word.starts_with("@prefix:") => {
            let prefix = word.trim_start_matches("@prefix:");
            got.as_str()
                .is_some_and(|text| text.starts_with(prefix))
                .then_some(())
                .ok_or_else(|| format!("{path}: {got} does not begin with {prefix}"))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            let there = got
                .get(name)
                .ok_or_else(|| format!("{path}.{name} is missing in {got}"))?;
            check(field, there, &format!("{path}.{name}"))
        }),
        Value::Array(items) => {
            let got_items = got
                .as_array()
                .filter(|got_items| got_items.len() == items.len())
                .ok_or_else(|| format!("{path}: expected {expected}, got {got}"))?;
            items
                .iter()
                .zip(got_items)
                .enumerate()
                .try_for_each(|(index, (item, got))| check(item, got, &format!("{path}[{index}]")))
        }
        plain => (plain == got)
            .then_some(())
            .ok_or_else(|| format!("{path}: expected {plain}, got {got}")),
    }
}
