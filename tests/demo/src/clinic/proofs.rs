//! What must hold when the week is over.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::canary::{Canary, Search};
use crate::digest::{self, Digests, PullDigest};
use crate::error::{Error, Result};

use super::Clinic;
use super::records::Who;
use super::roster::COLLEAGUES;
use super::week::UNCHANGED;

/// Of these the hub may hold other server's times than the cloud, to the end: a record that comes to it
/// once more replaces its own whole, and the cloud does not stamp an item a second time. Everything else
/// of them is compared.
const STAMPED: &str = "prescription_items";
const SERVERS_TIMES: [&str; 2] = ["last_modified", "server_created_at"];

impl Clinic<'_> {
    pub(super) fn prove(&mut self) -> Result<()> {
        let evenings = std::mem::take(&mut self.uneven);
        self.report.prove(
            "same_every_evening",
            evenings,
            format!(
                "on {} evenings all four tablets held the same records of {} tables after a sync with \
                 the hub: {}",
                self.evenings,
                UNCHANGED.len(),
                UNCHANGED.join(", ")
            ),
        );
        self.report.left_out.push(
            "on the evenings, tables that the cloud stamps anew: a tablet has the stamp of whichever \
             server it met last; they are compared at the end of the week"
                .to_owned(),
        );
        let body = self.cloud.pull_all()?;
        let users: Vec<&str> = self.book.users.iter().map(String::as_str).collect();
        let cloud = digest::of_pull(&body, &users, &self.book.family)?;
        let tables: Vec<&str> = cloud.shared.keys().map(String::as_str).collect();
        let hub_body = self.hub.all(&tables)?;
        let hub = digest::of_pull(&hub_body, &users, &self.book.family)?;
        let timeless = |body: &[u8]| -> Result<_> {
            let all = digest::of_pull(&without_times(body)?, &users, &self.book.family)?;
            Ok(all.shared.get(STAMPED).cloned())
        };
        let items_agree = timeless(&body)? == timeless(&hub_body)?;
        self.same_rows(&cloud, &hub, items_agree)?;
        self.nothing_lost(&cloud)?;
        self.ledgers_are_true()?;
        self.sealed_only()?;
        self.nothing_in_the_clear(&body)
    }

    fn same_rows(&mut self, cloud: &PullDigest, hub: &PullDigest, items_agree: bool) -> Result<()> {
        let mut wrong = Vec::new();
        let tablets = self.tablet_digests()?;
        let mut holders = Vec::new();
        for ((number, tablet), own) in (1..).zip(&tablets).zip(&cloud.own) {
            let expected: Digests = cloud
                .shared
                .iter()
                .chain(own)
                .map(|(name, table)| (name.clone(), table.clone()))
                .collect();
            let different = digest::differences(tablet, &expected);
            if !different.is_empty() {
                wrong.push(format!(
                    "tablet {number} and the cloud differ in {}",
                    different.join(", ")
                ));
            }
            let mut shared = tablet.clone();
            shared.retain(|name, _| cloud.shared.contains_key(name));
            holders.push((format!("tablet {number}"), shared));
        }
        let mut different = digest::differences(&hub.shared, &cloud.shared);
        if items_agree {
            different.retain(|name| !name.starts_with(STAMPED));
        }
        if !different.is_empty() {
            wrong.push(format!("hub and cloud differ in {}", different.join(", ")));
        }
        for (name, unreadable) in [("cloud", cloud.unreadable), ("hub", hub.unreadable)] {
            if unreadable > 0 {
                wrong.push(format!("{unreadable} values of the {name} cannot be read"));
            }
        }
        holders.push(("hub".to_owned(), hub.shared.clone()));
        holders.push(("cloud".to_owned(), cloud.shared.clone()));
        // One digest for all: without what the hub cannot have.
        for (_, all) in &mut holders {
            all.remove(STAMPED);
        }
        let digests: Vec<Json> = holders
            .iter()
            .map(|(who, all)| json!({"who": who, "rows": rows(all), "digest": short(all)}))
            .collect();
        self.fact("digests", json!(digests));
        self.fact(
            "tables",
            cloud
                .shared
                .iter()
                .map(|(name, (rows, _))| (name.clone(), json!(rows)))
                .collect(),
        );
        self.report.left_out.push(
            "columns that no app sees (patients.image_timestamp), and tables of which a tablet keeps its own user's rows alone, between hub and tablets".to_owned(),
        );
        self.report.left_out.push(format!(
            "the server's own times of {STAMPED} between hub and cloud: these are compared without them, and the one digest of all six is without that table"
        ));
        self.report.left_out.push(
            "onset and end days of problems before September 2001: the hub sends them up again as \
             numbers, which the cloud takes for the present moment, whatever a tablet does"
                .to_owned(),
        );
        self.report.prove(
            "same_rows",
            wrong,
            format!(
                "{} rows of {} tables are the same on four tablets, in the cloud and, but for the server's times of {STAMPED}, at the hub; what servers hold is computed anew from raw replies",
                rows(&cloud.shared),
                cloud.shared.len()
            ),
        );
        Ok(())
    }

    fn nothing_lost(&mut self, cloud: &PullDigest) -> Result<()> {
        let mut wrong = Vec::new();
        let all = self.next - self.deleted;
        for (what, found) in [("patients", cloud.patients), ("visits", cloud.visits)] {
            if found != u64::from(all) {
                wrong.push(format!(
                    "{all} {what} were registered, the cloud has {found}"
                ));
            }
        }
        let mut left = Vec::new();
        for colleague in &COLLEAGUES {
            let number = colleague.number;
            let (pending, aside) = (
                self.count(number, "pending")?,
                self.count(number, "quarantined")?,
            );
            if pending + aside > 0 {
                wrong.push(format!(
                    "tablet {number}: {pending} records wait, {aside} are put aside"
                ));
            }
            left.push(json!({
                "tablet": number, "role": colleague.role, "pending": pending,
                "quarantined": aside,
            }));
        }
        self.fact("tablets", json!(left));
        self.fact(
            "registered",
            json!({"patients": self.next, "deleted": self.deleted}),
        );
        self.report.prove(
            "nothing_lost",
            wrong,
            format!("all {all} patients and their visits are in the cloud; nothing waits, nothing is put aside"),
        );
        Ok(())
    }

    /// The ledgers hold what people did, and nothing that nobody did.
    fn ledgers_are_true(&mut self) -> Result<()> {
        let (mut wrong, mut all) = (Vec::new(), Vec::new());
        let patient = Who(0).patient();
        for number in 1..=4 {
            let ledger = self.tablet(number).call(&["conflicts"])?;
            let entries = ledger["conflicts"].as_array().cloned().unwrap_or_default();
            let made_up: Vec<&Json> = entries
                .iter()
                .filter(|entry| entry["record_id"] != patient || entry["column"] != "phone")
                .collect();
            if let Some(first) = made_up.first() {
                wrong.push(format!(
                    "tablet {number} has {} conflicts that nobody made, such as {} of {}",
                    made_up.len(),
                    first["kind"],
                    first["table"]
                ));
            }
            all.push(json!({"tablet": number, "entries": entries.len()}));
        }
        self.fact("ledgers", json!(all));
        self.report.prove(
            "ledgers_are_true",
            wrong,
            "the ledgers have the one number that three wrote, and nothing that nobody did"
                .to_owned(),
        );
        Ok(())
    }

    /// No tablet ever used the hub's unsealed routes, and none told the cloud to be a hub.
    fn sealed_only(&mut self) -> Result<()> {
        let state = self.hub.state()?;
        let mut wrong = Vec::new();
        if state["plain_calls"] != 0 {
            wrong.push(format!("{} calls of unsealed routes", state["plain_calls"]));
        }
        let calls = state["requests"].as_array().map_or(0, Vec::len);
        if calls == 0 {
            wrong.push("the hub was never called".to_owned());
        }
        self.report.prove(
            "sealed_only",
            wrong,
            format!("of the hub's last {calls} calls none went to a route without a seal"),
        );
        Ok(())
    }

    fn nothing_in_the_clear(&mut self, body: &[u8]) -> Result<()> {
        let mut words = vec![("a patient's name", self.book.family.as_str())];
        words.extend(COLLEAGUES.iter().map(|who| ("a password", who.password)));
        let canary = Canary::new(&words);
        let mut search = Search::default();
        for tablet in &self.tablets {
            search = search.and(canary.search(&tablet.folders())?);
        }
        let mut wrong: Vec<String> = search
            .found
            .iter()
            .map(|(path, what)| {
                let below = path.strip_prefix(&self.folder).unwrap_or(path);
                format!("{what} is in {}", below.display())
            })
            .collect();
        // The same search where a name must be: one that finds nothing anywhere proves nothing.
        if canary.find(body).is_empty() {
            wrong.push("the search does not even find a name in the cloud's reply".to_owned());
        }
        self.report.prove(
            "no_plain_text",
            wrong,
            format!(
                "no name and no password in {} files ({}) of the tablets' vaults, keys and temporary folders; the same search finds names in the cloud's reply",
                search.files,
                crate::summary::mb(search.bytes)
            ),
        );
        Ok(())
    }
}

fn rows(all: &Digests) -> u64 {
    all.values().map(|(rows, _)| rows).sum()
}

/// One word for all tables.
fn short(all: &Digests) -> String {
    let text = json!(all).to_string();
    let hash = Sha256::digest(text.as_bytes());
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A reply without the server's own times of [`STAMPED`].
fn without_times(body: &[u8]) -> Result<Vec<u8>> {
    let unread = |_| Error::new("a server's reply cannot be read");
    let mut reply: Json = serde_json::from_slice(body).map_err(unread)?;
    let lists = reply["changes"][STAMPED].as_object_mut();
    let records = lists
        .into_iter()
        .flat_map(|lists| lists.values_mut())
        .filter_map(Json::as_array_mut)
        .flatten()
        .filter_map(Json::as_object_mut);
    for record in records {
        for time in SERVERS_TIMES {
            record.remove(time);
        }
    }
    serde_json::to_vec(&reply).map_err(unread)
}
