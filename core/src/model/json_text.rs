//! JSON columns: text that is kept byte for byte, whatever nonsense it was wrapped in.

use serde::de::IgnoredAny;

/// Whether the text is one JSON value.
pub fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether the text is a JSON value of the same kind (array or object) as the default's text.
pub fn is_of_kind(text: &str, default: &str) -> bool {
    let kind = |text: &str| text.trim_start().bytes().next();
    kind(text) == kind(default) && is_json(text)
}

/// What to keep of a JSON column: the text of the value. A text that holds JSON of the default's
/// kind is unwrapped, at most twice (today's app encodes some columns twice). Anything else is
/// kept as it came, since a later push of the whole row must not wipe it.
pub fn unwrap(raw: &str, default: &str) -> String {
    let mut text = raw.trim().to_owned();
    for _ in 0..2 {
        if !text.starts_with('"') {
            break;
        }
        let Ok(inner) = serde_json::from_str::<String>(&text) else {
            break;
        };
        text = inner.trim().to_owned();
    }
    if is_of_kind(&text, default) {
        text
    } else {
        raw.trim().to_owned()
    }
}

/// The text inside, where all of a JSON column is one text. A hub, which keeps such columns as text, has it so:
/// sent in its quotes it would get others around them each time it went there and came back.
pub fn wrapped(text: &str) -> Option<String> {
    if !text.starts_with('"') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Whether an escape in a JSON text stands for no character that the cloud's database keeps: NUL, or half
/// of a surrogate pair, as it is left where an app cuts a text within an emoji.
pub fn escapes_no_character(text: &str) -> bool {
    const LENGTH: usize = "u0000".len();
    let unit = |text: &str| {
        let digits = text.strip_prefix('u')?.get(..LENGTH - 1)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at + 1..];
        let passed = match unit(rest) {
            Some(0 | 0xdc00..=0xdfff) => return true,
            Some(0xd800..=0xdbff) => {
                let next = rest.get(LENGTH..).and_then(|rest| rest.strip_prefix('\\'));
                if !matches!(next.and_then(unit), Some(0xdc00..=0xdfff)) {
                    return true;
                }
                2 * LENGTH + 1
            }
            // An escaped backslash begins no other escape.
            _ => 1,
        };
        rest = rest.get(passed..).unwrap_or_default();
    }
    false
}

/// What the app sees of a JSON column: the text where it is of the default's kind, else the default.
pub fn shown<'a>(stored: &'a str, default: &'a str) -> &'a str {
    if is_of_kind(stored, default) {
        stored
    } else {
        default
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwraps_texts_that_hold_json_at_most_twice() {
        assert_eq!(unwrap(r#"{"a": 1}"#, "{}"), r#"{"a": 1}"#);
        assert_eq!(unwrap(r#""{\"a\": 1}""#, "{}"), r#"{"a": 1}"#);
        let twice = serde_json::to_string(&serde_json::to_string(r#"{"a":1}"#).unwrap()).unwrap();
        assert_eq!(unwrap(&twice, "{}"), r#"{"a":1}"#);
        let thrice = serde_json::to_string(&twice).unwrap();
        assert_eq!(unwrap(&thrice, "{}"), thrice);
    }

    #[test]
    fn other_kinds_are_kept_and_hidden() {
        for odd in [r#""plain text""#, "12", "[1]", r#""{broken""#] {
            assert_eq!(unwrap(odd, "{}"), odd);
            assert_eq!(shown(odd, "{}"), "{}");
        }
        assert_eq!(shown("[1]", "[]"), "[1]");
    }
}
