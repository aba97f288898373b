//! The short words of the fixtures: ids, times and templates of records.
//!
//! `@p1` is a patient's id, `@v1` a visit's, and so on; `@clinic`, `@noor`, `@form` are
//! seeded ids. `@now`, `@now+5000` and `@now-5000` are ISO texts by the server's clock,
//! `@ms`, `@ms+5000` the same as numbers, `@start` the time at which the server started.
//! A record with `$use` is a copy of that template with the record's other fields on top; a
//! field that is the text `@none` is left out.

use amana_peer::{ids, instant_text};
use serde_json::{Map, Value};

/// The time at which every fixture begins: 2026-10-01 08:00 UTC.
pub const START_MS: i64 = 1_790_841_600_000;

/// Replaces all words in a value.
pub fn expand(value: &Value, now_ms: i64, saved: &Map<String, Value>) -> Value {
    match value {
        Value::String(text) => word(text, now_ms, saved).unwrap_or_else(|| value.clone()),
        Value::Array(items) => items
            .iter()
            .map(|item| expand(item, now_ms, saved))
            .collect(),
        Value::Object(fields) => {
            let mut all = match fields.get("$use").and_then(Value::as_str) {
                Some(name) => template(name),
                None => Map::new(),
            };
            for (name, field) in fields {
                if name != "$use" {
                    all.insert(name.clone(), field.clone());
                }
            }
            all.retain(|_, field| field != "@none");
            all.iter()
                .map(|(name, field)| (name.clone(), expand(field, now_ms, saved)))
                .collect()
        }
        other => other.clone(),
    }
}

fn template(name: &str) -> Map<String, Value> {
    let all: Value = serde_json::from_str(crate::TEMPLATES).unwrap();
    all[name]
        .as_object()
        .unwrap_or_else(|| panic!("no template {name}"))
        .clone()
}

fn word(text: &str, now_ms: i64, saved: &Map<String, Value>) -> Option<Value> {
    let word = text.strip_prefix('@')?;
    if let Some(value) = saved.get(word) {
        return Some(value.clone());
    }
    let fixed = match word {
        "clinic" => ids::CLINIC_A,
        "other_clinic" => ids::CLINIC_B,
        "noor" => ids::USER_A1,
        "sami" => ids::USER_A2,
        "lena" => ids::USER_B1,
        "form" => ids::EVENT_FORM,
        "registration_form" => ids::REGISTRATION_FORM,
        "drug" => ids::DRUG,
        "drug_without_stock" => ids::DRUG_WITHOUT_STOCK,
        "stock" => ids::STOCK,
        "stock_batch" => ids::STOCK_BATCH,
        "start" => return Some(instant_text(START_MS).into()),
        // A well-formed id that nothing has.
        "nobody" => "dead0000-0000-4000-8000-000000000000",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(fixed.into());
    }
    if let Some(rest) = word.strip_prefix("now") {
        return Some(instant_text(now_ms + offset(rest)?).into());
    }
    if let Some(rest) = word.strip_prefix("ms") {
        return Some((now_ms + offset(rest)?).into());
    }
    let kinds = [
        ("p", "a0"),
        ("v", "b0"),
        ("e", "c0"),
        ("attr", "d0"),
        ("ap", "e0"),
        ("rx", "f0"),
        ("vit", "a1"),
        ("prob", "b1"),
        ("disp", "c1"),
        ("item", "d1"),
    ];
    kinds.iter().find_map(|(kind, prefix)| {
        let number: u32 = word.strip_prefix(kind)?.parse().ok()?;
        Some(format!("{prefix}000000-0000-4000-8000-{number:012}").into())
    })
}

fn offset(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}
