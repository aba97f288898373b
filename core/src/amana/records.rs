//! The record calls: JSON text in, JSON text out, checked against the schema before anything runs.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::Amana;
use crate::error::{Error, ErrorCode, Result};
use crate::model::filter::Query;
use crate::model::ids::RecordId;
use crate::model::row;
use crate::model::schema::Schema;
use crate::storage::Operation;

/// The largest JSON text of one call, in bytes.
const MAX_INPUT_BYTES: usize = 64 * 1024 * 1024;
/// The most operations of one batch.
const MAX_BATCH: usize = 10_000;

/// One operation of a batch.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum OperationJson {
    Insert {
        table: String,
        fields: Map<String, Json>,
    },
    Update {
        table: String,
        id: String,
        fields: Map<String, Json>,
    },
    Delete {
        table: String,
        id: String,
    },
}

impl Amana {
    /// Makes a record from a JSON object of its columns, and returns its id: the one given as
    /// `id`, which must be a UUID, or a new one of version 7. A record by whose natural key one was
    /// deleted, of which no peer has heard yet, is that one again, and has its id unless one is given.
    pub async fn insert(&self, table: &str, fields: &str) -> Result<String> {
        let fields = read_object(fields)?;
        let operation = OperationJson::Insert {
            table: table.to_owned(),
            fields,
        };
        self.run(vec![operation]).await.map(first)
    }

    /// Changes the columns named in a JSON object. Columns that already hold the value are not
    /// written, and not pushed as changed.
    pub async fn update(&self, table: &str, id: &str, fields: &str) -> Result<()> {
        let fields = read_object(fields)?;
        let operation = OperationJson::Update {
            table: table.to_owned(),
            id: id.to_owned(),
            fields,
        };
        self.run(vec![operation]).await.map(|_| ())
    }

    /// Deletes a record, and those of its children that the schema declares.
    pub async fn delete(&self, table: &str, id: &str) -> Result<()> {
        let operation = OperationJson::Delete {
            table: table.to_owned(),
            id: id.to_owned(),
        };
        self.run(vec![operation]).await.map(|_| ())
    }

    /// Carries out several operations in one transaction: all or none. Takes a JSON array of
    /// `{"op":"insert","table":…,"fields":{…}}`, `{"op":"update","table":…,"id":…,"fields":{…}}`
    /// and `{"op":"delete","table":…,"id":…}`; returns the ids in the same order.
    pub async fn batch(&self, operations: &str) -> Result<Vec<String>> {
        check_size(operations)?;
        let operations: Vec<OperationJson> = serde_json::from_str(operations)
            .map_err(|_| Error::invalid("a batch is a list of operations"))?;
        if operations.len() > MAX_BATCH {
            return Err(Error::invalid("a batch has at most 10000 operations"));
        }
        self.run(operations).await
    }

    /// A record as a JSON object, or none.
    pub async fn get(&self, table: &str, id: &str) -> Result<Option<String>> {
        let open = self.opened()?;
        let (index, _) = self.inner.schema.require(table)?;
        let Some(id) = RecordId::from_peer(id) else {
            return Ok(None);
        };
        open.database.get(index, id).await
    }

    /// [`Amana::get`] on the caller's thread: waits for no writer, so that a thread that draws may
    /// call it.
    pub fn get_now(&self, table: &str, id: &str) -> Result<Option<String>> {
        let open = self.opened()?;
        let (index, _) = self.inner.schema.require(table)?;
        match RecordId::from_peer(id) {
            Some(id) => open.database.get_now(index, &id),
            None => Ok(None),
        }
    }

    /// A page of records: `{"columns":[…],"rows":[[…],…],"next_offset":N|null}`, with
    /// `"included":[{"table":…,"columns":[…],"rows":[[…],…]},…]` where relations are included, in the
    /// order of the query. The query is a JSON object in the form that `model::filter` describes; `{}`
    /// finds all.
    ///
    /// # Errors
    /// `invalid_input` for a query that is none; `value_too_large` where a page would bring along more
    /// than 10,000 related records, or 8 MiB of them.
    pub async fn query(&self, table: &str, query: &str) -> Result<String> {
        let open = self.opened()?;
        let (index, _) = self.inner.schema.require(table)?;
        let query = Query::parse(&self.inner.schema, index, query)?;
        open.database.query(index, query).await
    }

    /// How many records a query finds, its limit and offset left aside.
    pub async fn count(&self, table: &str, query: &str) -> Result<u64> {
        let open = self.opened()?;
        let (index, _) = self.inner.schema.require(table)?;
        let query = Query::parse(&self.inner.schema, index, query)?;
        open.database.count(index, query.condition).await
    }

    async fn run(&self, operations: Vec<OperationJson>) -> Result<Vec<String>> {
        let open = self.opened()?;
        let operations = operations
            .into_iter()
            .map(|operation| read_operation(&self.inner.schema, operation))
            .collect::<Result<Vec<_>>>()?;
        let ids = open.database.apply(operations).await?;
        Ok(ids.into_iter().map(RecordId::into_string).collect())
    }
}

fn read_operation(schema: &Schema, operation: OperationJson) -> Result<Operation> {
    match operation {
        OperationJson::Insert { table, fields } => {
            let (index, table) = schema.require(&table)?;
            let (id, fields) = row::parse_fields(table, &fields)?;
            Ok(Operation::Insert {
                table: index,
                id,
                fields,
            })
        }
        OperationJson::Update { table, id, fields } => {
            let (index, table) = schema.require(&table)?;
            let (new_id, fields) = row::parse_fields(table, &fields)?;
            if new_id.is_some() {
                return Err(Error::invalid("the id of a record does not change").at(&*table.name));
            }
            Ok(Operation::Update {
                table: index,
                id: existing(&table.name, &id)?,
                fields,
            })
        }
        OperationJson::Delete { table, id } => {
            let (index, table) = schema.require(&table)?;
            Ok(Operation::Delete {
                table: index,
                id: existing(&table.name, &id)?,
            })
        }
    }
}

/// The id of a record that must be there: what cannot be an id is not found.
fn existing(table: &str, id: &str) -> Result<RecordId> {
    RecordId::from_peer(id)
        .ok_or_else(|| Error::new(ErrorCode::NotFound, "there is no such record").at(table))
}

fn read_object(text: &str) -> Result<Map<String, Json>> {
    check_size(text)?;
    serde_json::from_str(text).map_err(|_| Error::invalid("a JSON object of columns is expected"))
}

fn check_size(text: &str) -> Result<()> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(Error::new(
            ErrorCode::ValueTooLarge,
            "the call's text is larger than 64 MiB",
        ));
    }
    Ok(())
}

fn first(ids: Vec<String>) -> String {
    ids.into_iter().next().unwrap_or_default()
}
