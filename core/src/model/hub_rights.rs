//! What a hub may say about rights. Any user that is paired with a hub can change its rows of
//! permissions and settings, and the cloud never hears of it: once rows came from the cloud, a
//! hub's may only take rights away.

use super::change_set::RemoteRow;
use super::schema::{Direction, Role, Table};
use super::value::Value;

const SETTINGS: &str = "app_config";
const PERMISSIONS_OFF: (&str, &str) = ("auth", "disable-mobile-permissions-checking");

/// Whether the table holds rights.
pub fn are_in(table: &Table) -> bool {
    table.direction == Direction::Pull && (table.own_rows_only.is_some() || table.name == SETTINGS)
}

/// Whether a hub may delete a record of such a table: a permission, but no setting.
pub fn may_delete(table: &Table) -> bool {
    table.own_rows_only.is_some()
}

/// What of a hub's row may be taken over: only what takes a right away.
pub fn limit(table: &Table, local: Option<&[Value]>, remote: &RemoteRow) -> Option<RemoteRow> {
    let local = local?;
    let takes_away = |position: usize, value: &Value| {
        if table.name == SETTINGS {
            is_permissions_off(table, local)
                && table.position("value") == Some(position)
                && value.as_text() == Some("false")
        } else {
            table
                .columns
                .get(position)
                .is_some_and(|c| c.role == Role::Bool)
                && matches!(value, Value::Integer(0) | Value::Null)
        }
    };
    let cells: Vec<_> = remote
        .cells
        .iter()
        .filter(|(position, value)| takes_away(*position, value))
        .cloned()
        .collect();
    (!cells.is_empty()).then(|| RemoteRow {
        id: remote.id.clone(),
        cells,
    })
}

fn is_permissions_off(table: &Table, local: &[Value]) -> bool {
    let holds = |column: &str, text: &str| {
        let value = table
            .position(column)
            .and_then(|position| local.get(position));
        value.and_then(Value::as_text) == Some(text)
    };
    holds("namespace", PERMISSIONS_OFF.0) && holds("key", PERMISSIONS_OFF.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::RecordId;
    use crate::model::schema::Schema;

    fn row(cells: &[(usize, Value)]) -> RemoteRow {
        RemoteRow {
            id: RecordId::from_peer("row").unwrap(),
            cells: cells.to_vec(),
        }
    }

    #[test]
    fn s18_a_hub_takes_rights_away_and_never_gives_one() {
        let schema = Schema::hikma().unwrap();
        let (_, table) = schema.require("user_clinic_permissions").unwrap();
        assert!(are_in(table) && may_delete(table));
        let edit = table.position("can_edit_records").unwrap();
        let admin = table.position("is_clinic_admin").unwrap();
        let local = vec![Value::Null; table.columns.len()];
        let remote = row(&[(edit, Value::Integer(0)), (admin, Value::Integer(1))]);
        assert_eq!(limit(table, None, &remote), None);
        assert_eq!(
            limit(table, Some(&local), &remote),
            Some(row(&[(edit, Value::Integer(0))]))
        );

        let (_, table) = schema.require("app_config").unwrap();
        assert!(are_in(table) && !may_delete(table));
        let at = |column: &str| table.position(column).unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        let mut local = vec![Value::Null; table.columns.len()];
        local[at("namespace")] = text(PERMISSIONS_OFF.0);
        local[at("key")] = text(PERMISSIONS_OFF.1);
        let off = row(&[(at("value"), text("true"))]);
        assert_eq!(limit(table, Some(&local), &off), None);
        let on = row(&[(at("value"), text("false"))]);
        assert_eq!(limit(table, Some(&local), &on), Some(on.clone()));
        local[at("namespace")] = text("system");
        assert_eq!(limit(table, Some(&local), &on), None);
        assert!(!are_in(schema.require("patients").unwrap().1));
    }
}
