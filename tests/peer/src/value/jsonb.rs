//! JSON columns: reading what a client pushed and keeping it as a binary JSON column would.

use serde_json::Value;

use super::BadValue;

/// What to do with a text that is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lenience {
    /// Most tables: the default takes its place.
    UseDefault,
    /// Tables whose column the server hands to the database unread.
    Refuse,
}

/// The JSON value of a pushed JSON column: a value as it is, or the value in a text.
pub(crate) fn read_json(
    pushed: Option<&Value>,
    default: &'static str,
    lenience: Lenience,
) -> Result<String, BadValue> {
    let value = match pushed {
        None | Some(Value::Null) => return Ok(default.to_owned()),
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) if lenience == Lenience::UseDefault => return Ok(default.to_owned()),
            Err(_) => return Err(BadValue),
        },
        Some(value) => value.clone(),
    };
    jsonb_text(&value)
}

/// The text of a value with keys in the order that a binary JSON column gives them: shorter
/// first, then by bytes. A zero character is refused, as the database does.
pub(crate) fn jsonb_text(value: &Value) -> Result<String, BadValue> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> Result<(), BadValue> {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_text(key, text)?;
                text.push(':');
                if let Some(field) = fields.get(key) {
                    write(field, text)?;
                }
            }
            text.push('}');
        }
        Value::String(string) => write_text(string, text)?,
        other => text.push_str(&other.to_string()),
    }
    Ok(())
}

fn write_text(string: &str, text: &mut String) -> Result<(), BadValue> {
    if string.contains('\0') {
        return Err(BadValue);
    }
    text.push_str(&serde_json::to_string(string).map_err(|_| BadValue)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_and_a_value_are_the_same() {
        let text = json!("{\"fieldId\":1,\"name\":[2,null]}");
        let value = json!({"name": [2, null], "fieldId": 1});
        let expected = r#"{"name":[2,null],"fieldId":1}"#;
        for pushed in [text, value] {
            let got = read_json(Some(&pushed), "{}", Lenience::Refuse);
            assert_eq!(got.as_deref(), Ok(expected));
        }
    }

    #[test]
    fn no_json_is_the_default_or_refused() {
        let pushed = json!("{oops");
        assert_eq!(
            read_json(Some(&pushed), "[]", Lenience::UseDefault).as_deref(),
            Ok("[]")
        );
        assert_eq!(
            read_json(Some(&pushed), "[]", Lenience::Refuse),
            Err(BadValue)
        );
        assert_eq!(read_json(None, "{}", Lenience::Refuse).as_deref(), Ok("{}"));
    }

    #[test]
    fn a_zero_character_is_refused() {
        assert_eq!(jsonb_text(&json!({"a": "b\0"})), Err(BadValue));
    }
}
