//! Data in the shapes of the runner, from numbers alone: no person, and the same on every machine.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use crate::Result;
use crate::arguments::named;

const TIMESTAMP: i64 = 1_750_000_000_000;
const FIRST_TIME: i64 = 1_700_000_000_000;
/// Of each hundred records; the rest are events.
const PATIENTS: usize = 8;
const VISITS: usize = 12;
const APPOINTMENTS: usize = 5;
const EVENTS_OF_A_PATIENT: usize = 50;

const NAMES: [&str; 12] = [
    "Amal", "Yusuf", "Marta", "Jorge", "Omar", "Nour", "Inés", "Zoë", "ليلى", "أحمد", "Tomasz",
    "Haddad",
];
const WORDS: [&str; 24] = [
    "patient",
    "reports",
    "mild",
    "intermittent",
    "pain",
    "after",
    "exercise",
    "no",
    "fever",
    "appetite",
    "normal",
    "follow",
    "up",
    "in",
    "two",
    "weeks",
    "continue",
    "current",
    "medication",
    "blood",
    "pressure",
    "measured",
    "seated",
    "advised",
];
/// The column of each table that edits change, and a long one that only the peer changes.
const EDITED: [(&str, &str, &str); 4] = [
    ("patients", "surname", "additional_data"),
    ("visits", "provider_name", "metadata"),
    ("events", "event_type", "form_data"),
    ("appointments", "status", "notes"),
];

/// Numbers that look random and are not (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len())]
    }

    fn text(&mut self, words: usize) -> String {
        let words: Vec<&str> = (0..words).map(|_| self.pick(&WORDS)).collect();
        words.join(" ")
    }

    fn time(&mut self) -> i64 {
        FIRST_TIME + self.below(40_000_000) as i64 * 1_000
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        )
    }

    fn patient(&mut self) -> Json {
        json!({
            "id": self.uuid(), "given_name": self.pick(&NAMES), "surname": self.pick(&NAMES),
            "date_of_birth": format!("{}-0{}-1{}", 1940 + self.below(80), 1 + self.below(9), self.below(10)),
            "sex": "female", "phone": format!("0{}", self.below(1_000_000_000)),
            "additional_data": json!({"notes": self.text(24), "language": "ar"}).to_string(),
            "primary_clinic_id": self.uuid(), "is_deleted": false,
            "created_at": self.time(), "updated_at": self.time(),
        })
    }

    fn visit(&mut self, patient: &str) -> Json {
        json!({
            "id": self.uuid(), "patient_id": patient, "clinic_id": self.uuid(),
            "provider_id": self.uuid(), "provider_name": self.pick(&NAMES),
            "check_in_timestamp": self.time(),
            "metadata": json!({"source": "mobile", "note": self.text(12)}).to_string(),
            "is_deleted": false, "deleted_at": null,
            "created_at": self.time(), "updated_at": self.time(),
        })
    }

    fn event(&mut self, patient: &str, visit: &str) -> Json {
        let fields: Vec<Json> = (0..4)
            .map(|field| json!({"fieldId": format!("field-{field}"), "value": self.text(5)}))
            .collect();
        json!({
            "id": self.uuid(), "patient_id": patient, "form_id": self.uuid(), "visit_id": visit,
            "event_type": "Vitals", "form_data": Json::from(fields).to_string(), "metadata": "{}",
            "is_deleted": false, "deleted_at": null,
            "created_at": self.time(), "updated_at": self.time(),
        })
    }

    fn appointment(&mut self, patient: &str) -> Json {
        json!({
            "id": self.uuid(), "clinic_id": self.uuid(), "patient_id": patient,
            "timestamp": self.time(), "duration": 15 * (1 + self.below(4)), "reason": "checkup",
            "notes": self.text(20), "status": "pending", "metadata": "{}",
            "created_at": self.time(), "updated_at": self.time(),
        })
    }
}

/// Writes all files but the streamed one.
pub(crate) fn all(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory).map_err(|e| named(directory, &e))?;
    let mut numbers = Numbers(1);
    let mut tables = Vec::new();
    for count in [10_000, 50_000, 100_000] {
        tables = records(&mut numbers, count);
        let created = |list: &[Json]| json!({"created": list, "updated": [], "deleted": []});
        let changes: Map<String, Json> = tables
            .iter()
            .map(|(name, list)| ((*name).to_owned(), created(list)))
            .collect();
        let reply = json!({"changes": changes, "timestamp": TIMESTAMP});
        save(directory, &format!("pull-{count}.json"), &reply)?;
    }
    let mut pool: Vec<(&str, &Json)> = tables
        .iter()
        .flat_map(|(name, list)| list.iter().map(|record| (*name, record)))
        .collect();
    for i in (1..pool.len()).rev() {
        pool.swap(i, numbers.below(i + 1));
    }
    edits(directory, &mut numbers, &tables, &pool)?;
    for count in [100, 900, 1_000] {
        let reply = incremental(&pool, count);
        save(directory, &format!("incremental-{count}.json"), &reply)?;
    }
    let events = &tables[2].1;
    let ids: Vec<&Json> = (0..10_000)
        .map(|i| &events[(i * 7 + 3) % events.len()]["id"])
        .collect();
    save(
        directory,
        "find-10000.json",
        &json!({"table": "events", "ids": ids}),
    )?;
    let values: Vec<&Json> = (0..200).map(|i| &events[i * 350]["patient_id"]).collect();
    let query = json!({"table": "events", "column": "patient_id", "values": values});
    save(directory, "query-200.json", &query)?;
    let pairs: Vec<Json> = (0..1_000)
        .map(|i| json!([format!("settings.key.{i}"), numbers.text(6)]))
        .collect();
    save(directory, "kv-1000.json", &pairs.into())
}

/// Writes a pull of so many events, one after the other: it may be larger than memory.
pub(crate) fn stream(path: &Path, count: usize) -> Result<()> {
    let file = File::create(path).map_err(|e| named(path, &e))?;
    let mut out = BufWriter::new(file);
    let mut numbers = Numbers(2);
    let (mut patient, mut visit) = (numbers.uuid(), numbers.uuid());
    out.write_all(br#"{"changes":{"events":{"created":["#)?;
    for i in 0..count {
        if i % EVENTS_OF_A_PATIENT == 0 {
            (patient, visit) = (numbers.uuid(), numbers.uuid());
        }
        if i > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut out, &numbers.event(&patient, &visit))?;
    }
    write!(
        out,
        r#"],"updated":[],"deleted":[]}}}},"timestamp":{TIMESTAMP}}}"#
    )?;
    Ok(out.flush()?)
}

fn records(numbers: &mut Numbers, count: usize) -> Vec<(&'static str, Vec<Json>)> {
    let part = |of_hundred: usize| count * of_hundred / 100;
    let patients: Vec<Json> = (0..part(PATIENTS)).map(|_| numbers.patient()).collect();
    let visits: Vec<Json> = (0..part(VISITS))
        .map(|i| numbers.visit(id(&patients[i % patients.len()])))
        .collect();
    let events = (0..part(100 - PATIENTS - VISITS - APPOINTMENTS))
        .map(|i| {
            let owner = i / EVENTS_OF_A_PATIENT;
            numbers.event(id(&patients[owner]), id(&visits[owner]))
        })
        .collect();
    let appointments = (0..part(APPOINTMENTS))
        .map(|_| {
            let owner = numbers.below(patients.len());
            numbers.appointment(id(&patients[owner]))
        })
        .collect();
    vec![
        ("patients", patients),
        ("visits", visits),
        ("events", events),
        ("appointments", appointments),
    ]
}

fn edits(
    directory: &Path,
    numbers: &mut Numbers,
    tables: &[(&'static str, Vec<Json>)],
    pool: &[(&str, &Json)],
) -> Result<()> {
    let change = |k: usize, (table, record): &(&str, &Json)| {
        json!({"op": "update", "table": table, "id": record["id"], "set": {
            "updated_at": TIMESTAMP + 1_000 + k as i64,
            edited(table).0: format!("local {k}"),
        }})
    };
    let changes = |range: std::ops::Range<usize>| -> Vec<Json> {
        pool[range]
            .iter()
            .enumerate()
            .map(|(k, item)| change(k, item))
            .collect()
    };
    let (patients, visits) = (&tables[0].1, &tables[1].1);
    let mut new = |i: usize| {
        let owner = i % patients.len();
        let event = numbers.event(id(&patients[owner]), id(&visits[owner]));
        json!({"op": "create", "table": "events", "record": event})
    };
    save(directory, "edits-500.json", &changes(0..500).into())?;
    for (name, updates, others) in [("edits-5000", 4_000, 500), ("edits-20000", 16_000, 2_000)] {
        let mut list = changes(0..updates);
        list.extend((0..others).map(&mut new));
        let gone = &pool[updates..updates + others];
        list.extend(
            gone.iter()
                .map(|(table, record)| json!({"op": "delete", "table": table, "id": record["id"]})),
        );
        save(directory, &format!("{name}.json"), &list.into())?;
    }
    let singles: Vec<Json> = (0..1_000).map(&mut new).collect();
    save(directory, "singles-1000.json", &singles.into())?;
    for count in [900, 1_000] {
        let list = changes(20_000..20_000 + count);
        save(
            directory,
            &format!("edits-batch-{count}.json"),
            &list.into(),
        )?;
    }
    Ok(())
}

/// Whole records with two columns and the time changed; a quarter of them were edited here, too.
fn incremental(pool: &[(&str, &Json)], count: usize) -> Json {
    let dirty = count / 4;
    let chosen = pool[..dirty]
        .iter()
        .chain(&pool[10_000..10_000 + count - dirty]);
    let mut changes = Map::new();
    for (k, (table, record)) in chosen.enumerate() {
        let (short, long) = edited(table);
        let mut record = (*record).clone();
        record[short] = json!(format!("remote {k}"));
        record[long] = json!(format!("{} ", record[long].as_str().unwrap_or_default()));
        record["updated_at"] = json!(TIMESTAMP + 500_000 + k as i64);
        let lists = changes
            .entry((*table).to_owned())
            .or_insert_with(|| json!({"created": [], "updated": [], "deleted": []}));
        if let Json::Array(list) = &mut lists["updated"] {
            list.push(record);
        }
    }
    json!({"changes": changes, "timestamp": TIMESTAMP + 100_000})
}

fn edited(table: &str) -> (&'static str, &'static str) {
    let found = EDITED.iter().find(|(name, ..)| *name == table);
    found.map_or(("metadata", "metadata"), |(_, short, long)| (short, long))
}

fn id(record: &Json) -> &str {
    record["id"].as_str().unwrap_or_default()
}

fn save(directory: &Path, name: &str, json: &Json) -> Result<()> {
    let path = directory.join(name);
    std::fs::write(&path, json.to_string()).map_err(|e| named(&path, &e))
}
