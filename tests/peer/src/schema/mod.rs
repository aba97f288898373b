//! The tables of the server: their columns, types and references, as data.
//!
//! Column order is the order in which the real server prints them.

mod clinical;
mod ddl;
mod pharmacy;
mod setup;

pub(crate) use ddl::create_statements;

/// The type of a column, which decides how it is read, stored and printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Uuid,
    /// Text, with a limit in characters where there is one.
    Text(Option<usize>),
    Int,
    Double,
    /// Digits in all, digits after the point. Printed as text.
    Decimal(u32, u32),
    Bool,
    /// A moment, kept as epoch ms.
    Instant,
    /// A calendar day, kept as `YYYY-MM-DD`.
    Day,
    /// JSON kept as text, with the value that stands for nothing.
    Json(&'static str),
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    pub(crate) references: Option<&'static str>,
}

impl Column {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            nullable: true,
            references: None,
        }
    }

    const fn required(mut self) -> Self {
        self.nullable = false;
        self
    }

    const fn to(mut self, table: &'static str) -> Self {
        self.references = Some(table);
        self
    }
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    /// A second key besides the id.
    pub(crate) unique: &'static [&'static str],
}

/// The tables of a pull, in the order of the reply.
pub(crate) static PULL_ORDER: [&Table; 18] = [
    &clinical::PATIENTS,
    &clinical::PATIENT_ADDITIONAL_ATTRIBUTES,
    &setup::CLINICS,
    &clinical::VISITS,
    &clinical::EVENTS,
    &setup::EVENT_FORMS,
    &setup::REGISTRATION_FORMS,
    &clinical::APPOINTMENTS,
    &pharmacy::PRESCRIPTIONS,
    &clinical::PATIENT_VITALS,
    &clinical::PATIENT_PROBLEMS,
    &setup::CLINIC_DEPARTMENTS,
    &pharmacy::DRUG_CATALOGUE,
    &pharmacy::CLINIC_INVENTORY,
    &pharmacy::DISPENSING_RECORDS,
    &pharmacy::PRESCRIPTION_ITEMS,
    &setup::USER_CLINIC_PERMISSIONS,
    &setup::APP_CONFIG,
];

/// What a caller who says `peerType=sync_hub` gets besides, with the key it comes under.
/// The devices come under the literal key `undefined`.
pub(crate) static HUB_ONLY: [(&str, &Table); 3] = [
    ("users", &setup::USERS),
    ("undefined", &setup::DEVICES),
    ("device_pin_codes", &setup::DEVICE_PIN_CODES),
];

/// The tables that a push may write, in the order in which the server walks them.
pub(crate) static PUSH_ORDER: [&Table; 10] = [
    &clinical::PATIENTS,
    &clinical::PATIENT_ADDITIONAL_ATTRIBUTES,
    &clinical::VISITS,
    &clinical::EVENTS,
    &clinical::APPOINTMENTS,
    &pharmacy::PRESCRIPTIONS,
    &clinical::PATIENT_VITALS,
    &clinical::PATIENT_PROBLEMS,
    &pharmacy::DISPENSING_RECORDS,
    &pharmacy::PRESCRIPTION_ITEMS,
];

/// Every table with columns of its own, referenced ones first.
pub(crate) fn all_tables() -> impl Iterator<Item = &'static Table> {
    HUB_ONLY
        .iter()
        .map(|(_, table)| *table)
        .chain(PULL_ORDER.iter().copied())
}

/// The table of that name.
pub(crate) fn table(name: &str) -> Option<&'static Table> {
    all_tables().find(|table| table.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bookkeeping_columns_are_everywhere_but_in_two_tables() {
        for table in PULL_ORDER {
            let has = |name| table.columns.iter().any(|column| column.name == name);
            let exempt = ["user_clinic_permissions", "app_config"].contains(&table.name);
            assert_eq!(has("server_created_at"), !exempt, "{}", table.name);
            assert_eq!(has("deleted_at"), !exempt, "{}", table.name);
            assert!(has("updated_at"), "{}", table.name);
        }
    }

    #[test]
    fn references_name_tables_that_exist() {
        for table in all_tables() {
            for column in table.columns {
                if let Some(target) = column.references {
                    assert!(super::table(target).is_some(), "{}", column.name);
                }
            }
        }
    }
}
