//! What a query brings along: records that are related to those of its page, by the references that
//! the schema declares and by no others. One step: what is related to a related record is another query.

use serde::Deserialize;

use super::object::Object;
use super::schema::{Role, Schema, TableIndex};
use crate::error::{Error, Result};

/// The most relations of one query.
const MAX_INCLUDES: usize = 8;
/// The most related records of one page, those of all its relations together.
pub const MAX_INCLUDED_ROWS: usize = 10_000;

/// A relation that a page follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Include {
    /// The records that a column of the page refers to.
    Parent {
        /// Where they are.
        table: TableIndex,
        /// The position of the referring column in the query's table.
        column: usize,
    },
    /// The records that refer to those of the page.
    Children {
        /// Where they are.
        table: TableIndex,
        /// The position of the referring column in their table.
        column: usize,
    },
}

/// A relation as the app names it: by a column of its table, or by a column of another one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncludeJson {
    table: Option<String>,
    column: String,
}

impl Include {
    /// The table of the related records.
    pub const fn table(&self) -> TableIndex {
        match self {
            Self::Parent { table, .. } | Self::Children { table, .. } => *table,
        }
    }

    pub(super) fn check_all(
        schema: &Schema,
        of: TableIndex,
        list: &[Object<IncludeJson>],
    ) -> Result<Vec<Self>> {
        let place = schema.table(of).name.as_str();
        if list.len() > MAX_INCLUDES {
            return Err(Error::invalid("a query includes at most 8 relations").at(place));
        }
        let mut found = Vec::with_capacity(list.len());
        for json in list {
            let include = Self::check(schema, of, json)?;
            if found.contains(&include) {
                return Err(Error::invalid("a relation is included once").at(place));
            }
            found.push(include);
        }
        Ok(found)
    }

    fn check(schema: &Schema, of: TableIndex, json: &IncludeJson) -> Result<Self> {
        let refers_from = match &json.table {
            Some(name) => schema.require(name)?.0,
            None => of,
        };
        let table = schema.table(refers_from);
        let (position, column) = table.visible(&json.column)?;
        let wrong = |detail| Error::invalid(detail).at(table.place(position));
        let refers_to = column
            .references
            .as_deref()
            .filter(|_| column.role == Role::Ref)
            .ok_or_else(|| wrong("only a reference can be included"))?;
        if json.table.is_some() {
            if schema.find(refers_to) != Some(of) {
                return Err(wrong("this column refers to another table"));
            }
            return Ok(Self::Children {
                table: refers_from,
                column: position,
            });
        }
        let (target, _) = schema
            .require(refers_to)
            .map_err(|error| error.at(table.place(position)))?;
        Ok(Self::Parent {
            table: target,
            column: position,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::Query;
    use super::*;
    use crate::error::ErrorCode;

    fn parse(table: &str, include: &str) -> Result<Vec<Include>> {
        let schema = Schema::hikma().unwrap();
        let text = format!(r#"{{"include":{include}}}"#);
        Query::parse(&schema, schema.find(table).unwrap(), &text).map(|query| query.include)
    }

    #[test]
    fn relations_are_those_of_the_schema() {
        let schema = Schema::hikma().unwrap();
        let at = |table: &str, column: &str| {
            let index = schema.find(table).unwrap();
            (index, schema.table(index).position(column).unwrap())
        };
        let (visits, patient_of_visit) = at("visits", "patient_id");
        let (events, visit_of_event) = at("events", "visit_id");
        let (patients, _) = at("patients", "id");
        assert_eq!(
            parse(
                "visits",
                r#"[{"column":"patient_id"},{"table":"events","column":"visit_id"}]"#
            )
            .unwrap(),
            [
                Include::Parent {
                    table: patients,
                    column: patient_of_visit
                },
                Include::Children {
                    table: events,
                    column: visit_of_event
                }
            ]
        );
        assert_eq!(
            parse("patients", r#"[{"table":"visits","column":"patient_id"}]"#).unwrap()[0].table(),
            visits
        );
    }

    #[test]
    fn others_are_refused() {
        let code = |table: &str, include: &str| parse(table, include).unwrap_err().code();
        for bad in [
            r#"["patient_id"]"#,
            r#"[{}]"#,
            r#"[{"column":"nope"}]"#,
            r#"[{"column":"id"}]"#,
            r#"[{"column":"check_in_timestamp"}]"#,
            r#"[{"table":"nothing","column":"visit_id"}]"#,
            r#"[{"table":"events","column":"patient_id"}]"#,
            r#"[{"column":"patient_id"},{"column":"patient_id"}]"#,
            r#"[{"column":"patient_id","include":[{"column":"clinic_id"}]}]"#,
        ] {
            assert_eq!(code("visits", bad), ErrorCode::InvalidInput, "{bad}");
        }
        let many = [r#"{"column":"patient_id"}"#; 9].join(",");
        assert_eq!(
            code("visits", &format!("[{many}]")),
            ErrorCode::InvalidInput
        );
        assert_eq!(
            code("visits", r#"[{"table":"users","column":"id"}]"#),
            ErrorCode::ForbiddenTable
        );
        assert_eq!(
            code("visits", r#"[{"column":"provider_id"}]"#),
            ErrorCode::ForbiddenTable
        );
    }
}
