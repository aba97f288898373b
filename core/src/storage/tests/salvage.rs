//! Databases with damaged pages: what a read says of them, and what a salvage saves.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value as Cell;

use super::*;
use crate::model::kv::{Kept, KvValue};
use crate::model::salvage::{Lost, SalvageReport, TableKind};
use crate::storage::connection::{self, Access};
use crate::storage::{SalvageOptions, finish_salvage, has_salvage, salvage};

const PAGE: usize = 4096;

fn key() -> DatabaseKey {
    DatabaseKey::from_bytes(&[7; 32])
}

/// What a page of the whole database is, by SQLite's own account.
struct Page {
    number: usize,
    /// The table or index.
    tree: String,
    /// leaf, internal or overflow.
    kind: String,
    cells: u64,
}

/// All rows of all tables, as text.
type Content = BTreeMap<String, Vec<String>>;

/// A database that was closed whole, and what was in it.
struct Whole {
    store: Store,
    bytes: Vec<u8>,
    pages: Vec<Page>,
    content: Content,
}

impl Whole {
    fn new() -> Self {
        let store = Store::new();
        let (patients, table) = store.schema.require("patients").unwrap();
        for block in 0..4 {
            let operations = (0..150)
                .map(|n| {
                    let fields = json!({
                        "given_name": format!("Given {block} {n}"),
                        "surname": "x".repeat(n % 40),
                        "additional_data": {"note": "y".repeat(if n % 50 == 0 { 9_000 } else { 30 })},
                    });
                    let (id, fields) = row::parse_fields(table, fields.as_object().unwrap()).unwrap();
                    Operation::Insert { table: patients, id, fields }
                })
                .collect();
            let ids = store.database.apply(operations).wait().unwrap();
            store.delete("patients", &ids[3]).unwrap();
        }
        let values = (0..60).map(|n| {
            let size = if n % 7 == 0 { 20_000 } else { 50 };
            let value = KvValue::Text(format!("{n}-{}", "v".repeat(size)).into());
            (format!("key {n}"), Kept::new(value, None, NOW).unwrap())
        });
        store
            .database
            .kv_set("n".into(), values.collect())
            .wait()
            .unwrap();
        store
            .run("INSERT INTO amana_peer (peer, cursor, full_pull_for) VALUES ('cloud', 77, 'me')");
        store.database.close();
        let path = store.path();
        let whole = connection::open(&path, &key(), Access::Read).unwrap();
        let pages = whole
            .prepare("SELECT pageno, name, pagetype, ncell FROM dbstat ORDER BY pageno")
            .unwrap()
            .query_map([], |row| {
                Ok(Page {
                    number: row.get::<_, i64>(0)? as usize,
                    tree: row.get(1)?,
                    kind: row.get(2)?,
                    cells: row.get::<_, i64>(3)? as u64,
                })
            })
            .unwrap()
            .collect::<rusqlite::Result<Vec<_>>>()
            .unwrap();
        let content = content(&whole);
        drop(whole);
        let bytes = std::fs::read(&path).unwrap();
        Self {
            store,
            bytes,
            pages,
            content,
        }
    }

    fn options<'a>(
        &self,
        path: &'a Path,
        copies: &'a Path,
        key: &'a DatabaseKey,
    ) -> SalvageOptions<'a> {
        SalvageOptions {
            path,
            key,
            schema: Arc::clone(&self.store.schema),
            copies,
        }
    }

    /// Damages pages, salvages, and checks what must hold whatever the damage.
    fn salvaged(&self, damaged: &[usize]) -> (SalvageReport, Content) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        let mut bytes = self.bytes.clone();
        for page in damaged {
            bytes[(page - 1) * PAGE + 1_000] ^= 1;
        }
        std::fs::write(&path, &bytes).unwrap();
        let copies = directory.path().join("damaged");
        let report = salvage(&self.options(&path, &copies, &key())).unwrap();
        assert_eq!(std::fs::read(report.copy.join("database")).unwrap(), bytes);
        let fresh = connection::open(&path, &key(), Access::Read).unwrap();
        let saved = content(&fresh);
        for (table, rows) in &saved {
            if ["amana_meta", "amana_peer"].contains(&&**table) {
                continue;
            }
            let before = &self.content[table];
            assert!(
                rows.iter().all(|row| before.contains(row)),
                "{table}: a row was never so"
            );
            let told = report.tables.iter().find(|t| t.table == *table).unwrap();
            let lost = (before.len() - rows.len()) as u64;
            let removed = if table == "amana_entry" {
                report.outbox_without_record
            } else {
                0
            };
            assert_eq!(told.saved, rows.len() as u64 + removed, "{table}");
            match told.lost {
                Lost::Exactly(rows) => assert_eq!(rows + removed, lost, "{table}"),
                Lost::AtMost(rows) => assert!(rows + removed >= lost, "{table}"),
                Lost::Unknown => {}
            }
        }
        (report, saved)
    }

    fn lost(&self, saved: &Content, table: &str) -> u64 {
        (self.content[table].len() - saved[table].len()) as u64
    }
}

impl Store {
    fn path(&self) -> PathBuf {
        self.directory.path().join("database")
    }
}

fn content(connection: &rusqlite::Connection) -> Content {
    let names: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let rows = |name: &String| {
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {name}"))
            .unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| {
            let cells: Vec<Cell> = (0..width)
                .map(|i| row.get(i))
                .collect::<rusqlite::Result<_>>()?;
            Ok(format!("{cells:?}"))
        });
        rows.unwrap().collect::<rusqlite::Result<Vec<_>>>().unwrap()
    };
    names
        .iter()
        .map(|name| (name.clone(), rows(name)))
        .collect()
}

#[test]
fn nothing_is_lost_of_a_database_that_is_whole() {
    let whole = Whole::new();
    let (report, saved) = whole.salvaged(&[]);
    assert!(report.is_complete() && !report.full_pull_due);
    assert_eq!(saved, whole.content);
    assert_eq!(report.outbox_without_record, 0);
}

#[test]
fn a_damaged_page_costs_its_own_rows_and_no_others() {
    let whole = Whole::new();
    let mut seen = BTreeMap::new();
    for page in &whole.pages {
        // Each kind of page of each tree a few times: first, and then every ninth.
        let count = seen.entry((&page.tree, &page.kind)).or_insert(0_u32);
        *count += 1;
        if *count % 9 != 1 || page.tree == "sqlite_schema" {
            continue;
        }
        let (report, saved) = whole.salvaged(&[page.number]);
        assert!(report.description_readable);
        let label = format!("page {} of {}, {}", page.number, page.tree, page.kind);
        for table in ["patients", "amana_kv", "amana_entry"] {
            let lost = whole.lost(&saved, table);
            match (table == page.tree, &*page.kind) {
                (true, "leaf") => assert!(lost <= page.cells, "{label}: {lost} of {table}"),
                (true, "overflow") => assert_eq!(lost, 1, "{label}: {table}"),
                // Without the way to them, rows are out of reach: at worst those below the page.
                (true, _) => {}
                (false, _) if table == "amana_entry" => {
                    assert_eq!(lost, report.outbox_without_record, "{label}: {table}");
                }
                (false, _) => assert_eq!(lost, 0, "{label}: {table}"),
            }
        }
        if page.tree == "patients" && page.kind != "internal" {
            assert!(whole.lost(&saved, "patients") > 0, "{label}");
            assert!(report.full_pull_due);
        }
    }
    let kinds: Vec<&str> = seen.keys().map(|(_, kind)| kind.as_str()).collect();
    for kind in ["leaf", "internal", "overflow"] {
        assert!(kinds.contains(&kind), "no {kind} page was tried");
    }
}

#[test]
fn many_damaged_pages_leave_what_is_between_them() {
    let whole = Whole::new();
    // Of each table, wherever in the file its pages are.
    let mut leaves = BTreeMap::new();
    let every_seventh: Vec<usize> = whole
        .pages
        .iter()
        .filter(|page| page.kind == "leaf" && page.tree != "sqlite_schema")
        .filter(|page| {
            let count = leaves.entry(&page.tree).or_insert(0_u32);
            *count += 1;
            *count % 7 == 3
        })
        .map(|page| page.number)
        .collect();
    assert!(every_seventh.len() > 5);
    let (report, saved) = whole.salvaged(&every_seventh);
    assert!(!report.is_complete());
    let patients = &whole.content["patients"];
    let lost = whole.lost(&saved, "patients");
    assert!(
        lost > 0 && lost < patients.len() as u64 / 2,
        "{lost} of {}",
        patients.len()
    );
}

#[test]
fn what_is_saved_opens_is_sound_and_can_be_pushed() {
    let whole = Whole::new();
    let leaves = |tree: &'static str| {
        let pages = whole.pages.iter();
        pages.filter(move |page| page.tree == tree && page.kind == "leaf")
    };
    // Both lie in the order of the writes: of different ones, here.
    let records = leaves("patients").next().unwrap().number;
    let entries = leaves("amana_entry").next_back().unwrap().number;
    let damaged = [records, entries];
    let path = whole.store.path();
    let mut bytes = whole.bytes.clone();
    for page in damaged {
        bytes[(page - 1) * PAGE + 1_000] ^= 1;
    }
    std::fs::write(&path, bytes).unwrap();
    let copies = whole.store.directory.path().join("damaged");
    let report = salvage(&whole.options(&path, &copies, &key())).unwrap();
    assert!(report.outbox_without_record > 0 && report.full_pull_due);
    let Store {
        directory,
        schema,
        notices,
        ..
    } = whole.store;
    let revision_before = notices.lock().unwrap().last().unwrap().revision;
    let store = Store::open(directory, schema).unwrap();
    assert_eq!(store.database.integrity_faults().wait().unwrap(), 0);
    // Everything is asked for, and what was deleted since.
    let peer = "SELECT cursor || ' ' || ifnull(full_pull_for, 'nobody') FROM amana_peer";
    assert_eq!(raw::<String>(&store, peer), "77 nobody");
    let id = store
        .insert(
            "patients",
            json!({"id": "0190d7a0-0000-7000-8000-00000000000a", "given_name": "After"}),
        )
        .unwrap();
    assert!(!store.upserts().is_empty());
    let revision = |notices: &[ChangeNotice]| notices.last().map(|notice| notice.revision);
    let last = revision(&store.notices.lock().unwrap()).unwrap();
    assert!(last > revision_before, "a revision was given twice");
    assert!(store.get("patients", &id).is_some());
    let outbox = report
        .tables
        .iter()
        .find(|t| t.kind == TableKind::Outbox)
        .unwrap();
    assert!(!outbox.lost.is_nothing());
}

#[test]
fn with_its_first_page_gone_everything_is_due_again_and_the_copy_has_it() {
    let whole = Whole::new();
    let (report, saved) = whole.salvaged(&[1]);
    assert!(!report.description_readable && report.full_pull_due && !report.is_complete());
    assert!(saved["patients"].is_empty());
    assert!(
        report
            .tables
            .iter()
            .all(|table| table.lost == Lost::Unknown)
    );
    assert_eq!(report.unsynced_lost(), Lost::Unknown);
}

#[test]
fn what_is_in_the_log_is_saved_too_and_copies_are_never_overwritten() {
    let whole = Whole::new();
    let Whole { store, .. } = whole;
    let Store {
        directory, schema, ..
    } = store;
    let store = Store::open(directory, schema).unwrap();
    let id = store
        .insert(
            "patients",
            json!({"id": "0190d7a0-0000-7000-8000-00000000000b", "given_name": "In the log"}),
        )
        .unwrap();
    // A kill leaves the log: what is there now, on other files.
    let killed = tempfile::tempdir().unwrap();
    for name in ["database", "database-wal"] {
        std::fs::copy(store.directory.path().join(name), killed.path().join(name)).unwrap();
    }
    let (path, copies) = (
        killed.path().join("database"),
        killed.path().join("damaged"),
    );
    let key = key();
    let options = SalvageOptions {
        path: &path,
        key: &key,
        schema: Arc::clone(&store.schema),
        copies: &copies,
    };
    let first = salvage(&options).unwrap();
    assert!(first.copy.join("database-wal").exists());
    let second = salvage(&options).unwrap();
    assert_ne!(first.copy, second.copy);
    let saved = Store::open(killed, Arc::clone(&store.schema)).unwrap();
    assert_eq!(
        saved.get("patients", &id).unwrap()["given_name"],
        "In the log"
    );
}

#[test]
fn a_salvage_that_was_killed_is_finished_or_started_again() {
    let whole = Whole::new();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let copies = directory.path().join("damaged");
    let beside = |suffix: &str| directory.path().join(format!("database{suffix}"));
    std::fs::write(&path, &whole.bytes).unwrap();
    // Killed while it copied, and while it filled.
    std::fs::create_dir_all(copies.join("1.partial")).unwrap();
    std::fs::write(copies.join("1.partial/database"), b"half").unwrap();
    std::fs::write(beside(".salvaging"), b"half").unwrap();
    std::fs::write(beside(".salvaging-wal"), b"half").unwrap();
    assert!(!has_salvage(&path));
    let report = salvage(&whole.options(&path, &copies, &key())).unwrap();
    assert!(report.is_complete());
    // Killed between the sealing and the exchange, with the journals there or gone.
    for journals in [&["-wal", "-shm", "-journal"][..], &[]] {
        std::fs::rename(&path, beside(".salvaged")).unwrap();
        std::fs::write(&path, b"damaged").unwrap();
        for journal in journals {
            std::fs::write(beside(journal), b"of the damaged one").unwrap();
        }
        assert!(has_salvage(&path));
        finish_salvage(&path).unwrap();
        assert!(!has_salvage(&path));
        assert!(
            ["-wal", "-shm", "-journal"]
                .iter()
                .all(|name| !beside(name).exists())
        );
        let saved = connection::open(&path, &key(), Access::Read).unwrap();
        assert_eq!(content(&saved), whole.content);
    }
}

#[test]
fn a_schema_that_drops_a_table_is_refused_and_nothing_moves() {
    let whole = Whole::new();
    let path = whole.store.path();
    let copies = whole.store.directory.path().join("damaged");
    let schema = Schema::from_json(concat!(
        r#"{"version":99,"tables":[{"name":"notes","direction":"both","columns":["#,
        r#"{"name":"id","role":"id"},{"name":"created_at","role":"instant"},"#,
        r#"{"name":"updated_at","role":"instant"}]}]}"#
    ))
    .unwrap();
    let key = key();
    let options = SalvageOptions {
        schema,
        ..whole.options(&path, &copies, &key)
    };
    assert_eq!(
        salvage(&options).unwrap_err().code(),
        ErrorCode::InvalidInput
    );
    assert_eq!(std::fs::read(&path).unwrap(), whole.bytes);
    assert!(!has_salvage(&path));
}

#[test]
fn a_value_whose_last_page_is_damaged_is_an_error_and_never_zeros() {
    let whole = Whole::new();
    let path = whole.store.path();
    let last = whole
        .pages
        .iter()
        .filter(|page| page.tree == "amana_kv" && page.kind == "overflow")
        .map(|page| page.number);
    for page in last {
        let mut bytes = whole.bytes.clone();
        bytes[(page - 1) * PAGE + 1_000] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::copy(&path, directory.path().join("database")).unwrap();
        let store = Store::open(directory, Arc::clone(&whole.store.schema)).unwrap();
        let mut refused = 0;
        for n in 0..60 {
            let name = format!("key {n}");
            let size = if n % 7 == 0 { 20_000 } else { 50 };
            let expected = format!("{n}-{}", "v".repeat(size));
            for found in [
                store.database.kv_get_now("n", &name),
                store
                    .database
                    .kv_multi_get("n".into(), vec![name.clone()])
                    .wait()
                    .map(|mut all| all.remove(0)),
            ] {
                match found {
                    Ok(value) => {
                        let same = value.unwrap().as_text().unwrap() == expected;
                        assert!(same, "page {page}: another value was read");
                    }
                    Err(error) => {
                        assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
                        refused += 1;
                    }
                }
            }
        }
        assert!(refused > 0, "page {page} was never read");
    }
}
