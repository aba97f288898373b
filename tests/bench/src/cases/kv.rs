//! The key–value store: sets one by one, then gets.

use amana_core::model::kv::{Kept, KvValue};
use serde_json::Value as Json;

use crate::Result;
use crate::arguments::Arguments;
use crate::outcome::{Outcome, timed};
use crate::store::Store;

const NAMESPACE: &str = "settings";

/// 1,000 of each; the gets are the headline.
pub(super) fn all(arguments: &Arguments, store: &Store, outcome: &mut Outcome) -> Result<()> {
    let pairs = pairs(&arguments.json("kv-1000.json")?);
    outcome.begins();
    let (set, set_ms) = timed(|| -> Result<()> {
        for (key, value) in &pairs {
            let kept = Kept::new(KvValue::text(value.as_str()), None, 0)?;
            let entry = vec![(key.clone(), kept)];
            store.database.kv_set(NAMESPACE.to_owned(), entry).wait()?;
        }
        Ok(())
    });
    set?;
    let (length, get_ms) = timed(|| -> Result<usize> {
        let mut length = 0;
        for (key, _) in &pairs {
            let found = store.database.kv_get_now(NAMESPACE, key)?;
            length += found.ok_or("a value is missing")?.raw().len();
        }
        Ok(length)
    });
    outcome.check("s", length?);
    outcome.took(get_ms);
    outcome.phase("get_1000_ms", get_ms);
    outcome.phase("set_1000_ms", set_ms);
    Ok(())
}

fn pairs(json: &Json) -> Vec<(String, String)> {
    let list = json.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned())))
        .collect()
}
