//! On what terms a sync is made: with whom, whose word is the last, what wins, how often everything
//! is asked for. Data from the app's configuration; the engine and the store only read it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::ids::{PeerId, PeerKind};
use super::merge::ColumnConflict;
use super::schema::Table;
use super::value::Value;
use crate::error::Result;

/// A peer, and what its word is worth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerTerms {
    /// The store's name for it.
    pub id: PeerId,
    /// Whether what it has taken needs to be sent nowhere else.
    pub last_word: bool,
}

impl PeerTerms {
    /// The cloud, whose word is the last.
    pub fn cloud() -> Self {
        Self {
            id: PeerId::cloud(),
            last_word: true,
        }
    }
}

/// What stays where both sides changed a column. Both values are in the ledger in any case.
#[derive(Clone, Default)]
pub enum ConflictPolicy {
    /// What was written here. Servers expect it of a client.
    #[default]
    Local,
    /// What the peer has.
    Remote,
    /// The side whose record has the later `updated_at`; ours where neither is later.
    Latest,
    /// What a rule of the app makes of them.
    Rule(Arc<dyn ConflictRule>),
    /// What the app answers.
    Ask {
        /// Who is asked.
        resolver: Arc<dyn ConflictResolver>,
        /// What stays where there is no answer.
        otherwise: Usual,
    },
}

/// What stays in a conflict, as far as that needs no rule of an app.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Usual {
    /// As [`ConflictPolicy::Local`].
    #[default]
    Local,
    /// As [`ConflictPolicy::Remote`].
    Remote,
    /// As [`ConflictPolicy::Latest`].
    Latest,
}

impl ConflictPolicy {
    /// What stays as long as no rule of the app says otherwise.
    pub const fn usual(&self) -> Usual {
        match self {
            Self::Local | Self::Rule(_) => Usual::Local,
            Self::Remote => Usual::Remote,
            Self::Latest => Usual::Latest,
            Self::Ask { otherwise, .. } => *otherwise,
        }
    }
}

impl fmt::Debug for ConflictPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "Local",
            Self::Remote => "Remote",
            Self::Latest => "Latest",
            Self::Rule(_) => "Rule",
            Self::Ask { .. } => "Ask",
        })
    }
}

/// A rule that an app registers for a table. Called on the writer's thread, in the transaction: it
/// must be quick, must not call the vault (`busy`), and must give the same answer to the same question.
/// After a panic it is as if there were no rule.
pub trait ConflictRule: Send + Sync {
    /// Called for each pulled record that is stored here already and would be written: also where
    /// nothing was changed here. The answer is the whole record by column position; one of another
    /// length is not used. The id and the times of the record cannot be changed by it. In columns whose
    /// change waits the answer is pushed with it; in others it is stored on this device, and reaches a
    /// peer only with the record's next change. The ledger says of each column that both sides changed what was kept.
    fn resolve(&self, question: &RuleQuestion<'_>) -> Vec<Value>;
}

/// What a rule is asked. Records are whole, by column position; `Debug` does not show them.
pub struct RuleQuestion<'a> {
    /// The table.
    pub table: &'a Table,
    /// The record as it is stored.
    pub local: &'a [Value],
    /// The columns that the peer sent.
    pub remote: &'a [(usize, Value)],
    /// What becomes of it without the rule.
    pub merged: &'a [Value],
}

/// Who is asked about the columns that both sides changed. Called on the writer's thread, in the
/// transaction: nothing is written until it has answered, and there is no way to end a call that does
/// not return. A call to the vault from within it is `busy`; it must not wait for another thread that
/// calls the vault either, for that one waits for the writer.
pub trait ConflictResolver: Send + Sync {
    /// Called once for each pulled record with such columns, also where the same pull is applied again:
    /// the same question needs the same answer. One choice for each of the question's columns, in their
    /// order.
    ///
    /// # Errors
    /// Any, as a panic and an answer of another length, is no answer: what stays otherwise stays, and
    /// the ledger's entries say so.
    fn resolve(&self, question: &ConflictQuestion<'_>) -> Result<Vec<Choice>>;
}

/// What a resolver is asked; `Debug` shows no value.
pub struct ConflictQuestion<'a> {
    /// The table.
    pub table: &'a Table,
    /// The record.
    pub id: &'a str,
    /// The columns; `kept` says what stays without an answer.
    pub columns: &'a [ColumnConflict],
    /// When the record was last changed here, by its `updated_at`.
    pub local_at_ms: Option<i64>,
    /// When the peer's version was last changed, by its `updated_at`.
    pub remote_at_ms: Option<i64>,
}

impl fmt::Debug for RuleQuestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleQuestion")
            .field("table", &self.table.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ConflictQuestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.iter().map(|conflict| conflict.column);
        f.debug_struct("ConflictQuestion")
            .field("table", &self.table.name)
            .field("id", &self.id)
            .field("columns", &columns.collect::<Vec<_>>())
            .field("local_at_ms", &self.local_at_ms)
            .field("remote_at_ms", &self.remote_at_ms)
            .finish()
    }
}

/// A resolver's answer for one column; `Debug` shows no value.
#[derive(Clone, PartialEq)]
pub enum Choice {
    /// What stays without an answer.
    Usual,
    /// What was written here.
    Local,
    /// What the peer has.
    Remote,
    /// A value of its own, in the column's form (`model::row::parse_value` makes it). It is pushed like
    /// an edit.
    Value(Value),
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usual => "Usual",
            Self::Local => "Local",
            Self::Remote => "Remote",
            Self::Value(_) => "Value(_)",
        })
    }
}

/// The configuration of syncing.
#[derive(Clone, Debug)]
pub struct SyncPolicy {
    /// With which kind of peer an edit has arrived: it then leaves the outbox. Where it is the hub,
    /// the hub must bring it to the cloud, and an edit that it loses is lost. A device then has one hub
    /// and no more: pairing with a second one is refused. Where two were paired before the word became
    /// the hub's, what either takes is sent to nobody else: forget one of them.
    pub last_word: PeerKind,
    /// What stays where both sides changed a column.
    pub conflicts: ConflictPolicy,
    /// The same, for single tables by name.
    pub tables: BTreeMap<String, ConflictPolicy>,
    /// After how many days the cloud is asked for everything again; 0 for only when it must be.
    pub cloud_full_pull_days: u32,
    /// The same for a hub, which does not announce what it got from the cloud.
    pub hub_full_pull_days: u32,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        Self {
            last_word: PeerKind::Cloud,
            conflicts: ConflictPolicy::Local,
            tables: BTreeMap::new(),
            cloud_full_pull_days: 7,
            hub_full_pull_days: 1,
        }
    }
}

impl SyncPolicy {
    /// The terms of a sync with this peer.
    pub fn terms(&self, peer: &PeerId) -> PeerTerms {
        PeerTerms {
            id: peer.clone(),
            last_word: peer.kind() == self.last_word,
        }
    }

    /// The policy of a table.
    pub fn of_table(&self, table: &str) -> &ConflictPolicy {
        self.tables.get(table).unwrap_or(&self.conflicts)
    }

    /// After how many milliseconds everything is asked for again.
    pub fn full_pull_after_ms(&self, kind: PeerKind) -> Option<i64> {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        let days = match kind {
            PeerKind::Cloud => self.cloud_full_pull_days,
            PeerKind::Hub => self.hub_full_pull_days,
        };
        (days > 0).then(|| i64::from(days) * DAY_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ledger::Kept;
    use crate::model::schema::Schema;

    #[test]
    fn s09_a_question_and_its_answer_show_no_value() {
        let schema = Schema::hikma().unwrap();
        let (_, table) = schema.require("patients").unwrap();
        let value = Value::Text("Zuleikha".to_owned());
        let row = vec![value.clone(); table.columns.len()];
        let conflict = ColumnConflict {
            column: 1,
            base: value.clone(),
            local: value.clone(),
            remote: value.clone(),
            kept: Kept::Local,
            unanswered: false,
        };
        let rule = RuleQuestion {
            table,
            local: &row,
            remote: &[(1, value.clone())],
            merged: &row,
        };
        let question = ConflictQuestion {
            table,
            id: "an id",
            columns: &[conflict],
            local_at_ms: Some(1),
            remote_at_ms: None,
        };
        let shown = format!("{rule:?} {question:?} {:?}", Choice::Value(value));
        assert!(!shown.contains("Zuleikha"), "{shown}");
        assert!(
            shown.contains("patients") && shown.contains("an id"),
            "{shown}"
        );
    }
}
