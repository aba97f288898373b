//! The commands of the key-value store.

use amana_core::model::kv::{KvNamespace, KvValue, MAX_PAGE_KEYS};
use amana_core::{Amana, Result};
use serde_json::{Value as Json, json};

use crate::arguments::KvCommand;

/// Carries one out.
pub async fn carry_out(amana: &Amana, namespace: String, command: KvCommand) -> Result<Json> {
    let space = KvNamespace::Stored(namespace);
    match command {
        KvCommand::Get { key } => {
            let value = amana.kv_get_now(&space, &key)?;
            let text = value.as_ref().map(|value| value.as_text()).transpose()?;
            Ok(json!({"text": text}))
        }
        KvCommand::Set {
            key,
            text,
            expires_in_ms,
        } => {
            let value = KvValue::text(text);
            amana.kv_set(&space, &key, value, expires_in_ms).await?;
            Ok(json!({"set": key}))
        }
        KvCommand::Remove { key } => Ok(json!({"removed": amana.kv_remove(&space, &key).await?})),
        KvCommand::Keys { prefix } => {
            let page = amana.kv_keys_now(&space, &prefix, None, MAX_PAGE_KEYS)?;
            Ok(json!({"keys": page.keys, "more": page.next.is_some()}))
        }
        KvCommand::Clear => Ok(json!({"removed": amana.kv_clear(&space).await?})),
    }
}
