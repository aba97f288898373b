//! What must hold at the end: the same rows everywhere, nothing lost, nothing in the clear, no
//! foreign key.

use serde_json::json;

use super::Stage;
use crate::canary::{Canary, Search};
use crate::digest::{self, Digests, PullDigest};
use crate::error::Result;

impl Stage<'_> {
    /// All proofs, after a last sync of each.
    pub(super) fn prove(&mut self) -> Result<()> {
        self.sync(1, "last", &[])?;
        self.sync(2, "last", &[])?;
        let body = self.server.pull_all()?;
        self.same_rows(&body)?;
        self.nothing_in_the_clear(&body)?;
        self.foreign_keys_open_nothing()
    }

    fn same_rows(&mut self, body: &[u8]) -> Result<()> {
        let users: Vec<&str> = self.users.iter().map(String::as_str).collect();
        let server = digest::of_pull(body, &users, &self.family)?;
        let mut wrong = Vec::new();
        for (number, own) in [1, 2].into_iter().zip(&server.own) {
            let tablet = digest::of_tablet(&self.tablet(number).call(&["digest"])?);
            let expected: Digests = server.shared.iter().chain(own).map(pair).collect();
            let different = digest::differences(&tablet, &expected);
            if !different.is_empty() {
                let tables = different.join(", ");
                wrong.push(format!("tablet {number} and the server differ in {tables}"));
            }
        }
        if server.unreadable > 0 {
            wrong.push(format!(
                "{} values of the server cannot be read",
                server.unreadable
            ));
        }
        let rows: u64 = server.shared.values().map(|(rows, _)| rows).sum();
        let own: u64 = server
            .own
            .iter()
            .flat_map(|own| own.values())
            .map(|(rows, _)| rows)
            .sum();
        let tables = server.shared.len();
        self.report.facts.insert(
            "server".to_owned(),
            json!({
                "bytes": body.len(),
                "rows": rows,
                "tables": server.shared.iter().map(|(n, (r, _))| (n.clone(), json!(r)))
                    .collect::<serde_json::Map<_, _>>(),
            }),
        );
        self.report.left_out.push(
            "columns that no app sees (patients.image_timestamp): carried, but not in a digest"
                .to_owned(),
        );
        if !self.server.is_reference() {
            self.report.left_out.push(
                "what a history limit of the server keeps back, and what others write there during \
                 this: either would show as a difference that is nobody's fault"
                    .to_owned(),
            );
        }
        self.report.prove(
            "same_rows",
            wrong,
            format!(
                "{rows} rows of {tables} tables have one digest on both tablets and, computed anew \
                 from a raw pull, on the server; so have each user's own {own} rows of permissions"
            ),
        );
        self.nothing_lost(&server)
    }

    fn nothing_lost(&mut self, server: &PullDigest) -> Result<()> {
        let mut wrong = Vec::new();
        let all = u64::from(self.report.patients);
        for (what, found) in [("patients", server.patients), ("visits", server.visits)] {
            if found != all {
                wrong.push(format!(
                    "{all} {what} were registered, the server has {found}"
                ));
            }
        }
        for number in [1, 2] {
            let status = self.tablet(number).call(&["status"])?;
            for what in ["pending", "quarantined"] {
                if status[what] != 0 {
                    wrong.push(format!("tablet {number}: {} records {what}", status[what]));
                }
            }
        }
        self.report.prove(
            "nothing_lost",
            wrong,
            format!("all {all} patients and their {all} visits are on the server; nothing waits"),
        );
        Ok(())
    }

    /// The words that must be nowhere.
    pub(super) fn canary(&self) -> Canary {
        let [first, second] = &self.server.people;
        Canary::new(&[
            ("a patient's name", &self.family),
            ("the password", &first.password),
            ("the password", &second.password),
        ])
    }

    fn nothing_in_the_clear(&mut self, body: &[u8]) -> Result<()> {
        let canary = self.canary();
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
        // The same search where the name must be: one that finds nothing anywhere proves nothing.
        if canary.find(body).is_empty() {
            wrong.push("the search does not even find a name in the server's reply".to_owned());
        }
        if search.files < 2 {
            wrong.push("there are no files to search".to_owned());
        }
        self.report.facts.insert(
            "search".to_owned(),
            json!({"files": search.files, "bytes": search.bytes, "found": search.found.len()}),
        );
        self.report.prove(
            "no_plain_text",
            wrong,
            format!(
                "no name and no password, as UTF-8, UTF-16, base64 or hexadecimal, in {} files ({}) of \
                 vaults, keys and temporary folders; the same search finds names in the server's reply",
                search.files,
                crate::summary::mb(search.bytes)
            ),
        );
        Ok(())
    }
}

fn pair<K: Clone, V: Clone>((name, value): (&K, &V)) -> (K, V) {
    (name.clone(), value.clone())
}
