//! Which rows belong into which list of a pull.

use crate::schema::Table;

/// What a pull asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The caller's last pull.
    pub(crate) since_ms: i64,
    /// The start of what the server's history limit lets through, if it has one.
    pub(crate) history_start_ms: Option<i64>,
    /// Whether the caller said to be a hub, which nobody checks.
    pub(crate) hub: bool,
    pub(crate) now_ms: i64,
    pub(crate) zone_minutes: i32,
}

/// The tables that the history limit leaves alone. The registration forms were meant to be
/// here, but the server compares them under another name, so they are cut.
const WITHOUT_LIMIT: [&str; 7] = [
    "clinics",
    "event_forms",
    "drug_catalogue",
    "clinic_departments",
    "clinic_inventory",
    "user_clinic_permissions",
    "app_config",
];

/// Conditions on one table; `?1` is the moment to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) created: &'static str,
    pub(crate) updated: &'static str,
    pub(crate) deleted: Option<&'static str>,
    pub(crate) since_ms: i64,
}

impl Plan {
    /// The lists of one table.
    pub(crate) fn lists(&self, table: &Table) -> Lists {
        let since_ms = match self.history_start_ms {
            Some(start) if !WITHOUT_LIMIT.contains(&table.name) => self.since_ms.max(start),
            _ => self.since_ms,
        };
        if matches!(table.name, "user_clinic_permissions" | "app_config") {
            return Lists {
                created: "created_at >= ?1",
                updated: "created_at < ?1 AND updated_at > ?1",
                deleted: None,
                since_ms,
            };
        }
        Lists {
            created: "server_created_at >= ?1 AND deleted_at IS NULL AND is_deleted = 0",
            updated: "last_modified > ?1 AND server_created_at < ?1 \
                      AND deleted_at IS NULL AND is_deleted = 0",
            // Decided by what the caller sent, before the history limit raises it.
            deleted: (self.since_ms != 0).then_some("deleted_at > ?1 AND is_deleted = 1"),
            since_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn since(plan: &Plan, table: &str) -> i64 {
        schema::table(table).map_or(-1, |table| plan.lists(table).since_ms)
    }

    #[test]
    fn the_history_limit_spares_settings_but_not_registration_forms() {
        let plan = Plan {
            since_ms: 5,
            history_start_ms: Some(1_000),
            hub: false,
            now_ms: 2_000,
            zone_minutes: 0,
        };
        for spared in WITHOUT_LIMIT {
            assert_eq!(since(&plan, spared), 5, "{spared}");
        }
        for cut in ["registration_forms", "patients", "events", "prescriptions"] {
            assert_eq!(since(&plan, cut), 1_000, "{cut}");
        }
        let recent = Plan {
            since_ms: 1_500,
            ..plan
        };
        assert_eq!(since(&recent, "patients"), 1_500);
    }

    #[test]
    fn a_first_pull_has_no_deletions() {
        let plan = Plan {
            since_ms: 0,
            history_start_ms: Some(1_000),
            hub: false,
            now_ms: 2_000,
            zone_minutes: 0,
        };
        let patients = schema::table("patients").map(|table| plan.lists(table).deleted);
        assert_eq!(patients, Some(None));
    }
}
